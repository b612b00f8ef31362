# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Motion, states and expiry by the stamps of frames, which may pause, drop or start anew."""

from dataclasses import replace
import math

import numpy as np
import pytest

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState

from .discs import (
    BOX,
    CLICK,
    HEIGHT,
    PERIOD,
    SETTINGS,
    WIDTH,
    apart,
    at,
    run,
    walking,
)

# --- time ---


def test_velocity_and_expectation_are_in_pixels_of_the_image(playing):
    tracker, _ = playing(walking)
    tracker.add_prompt(at(0), BOX)
    track = run(tracker, 40)[-1][0]
    # Half a decoded pixel of 10 a frame, at 30 frames a second.
    assert track.velocity[0] == pytest.approx(0.5 * 10 * 30, rel=0.05)
    assert track.velocity[1] == pytest.approx(0, abs=1)
    np.testing.assert_allclose(track.predicted_box, track.box, atol=4)
    assert track.motion_score > 0.85


def test_dropped_frames_are_a_longer_step(playing):
    def skipping(frame, number):
        return walking(frame if frame <= 30 else frame + 9, number)

    tracker, _ = playing(skipping)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 30)
    (track,) = tracker.step(at(40 * PERIOD))
    assert track.motion_score > 0.8
    tracker, _ = playing(skipping)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 30)
    (deceived,) = tracker.step(at(31 * PERIOD))
    assert deceived.motion_score < 0.4


def test_at_one_image_a_second_there_is_a_motion_model_too(playing):
    tracker, _ = playing(walking)
    tracker.add_prompt(at(0), BOX)
    tracks = [tracker.step(at(number * SECOND))[0] for number in range(1, 30)]
    assert all(track.predicted_box is not None for track in tracks[2:])
    last = tracks[-1]
    assert last.motion_score > 0.85
    assert last.velocity[0] == pytest.approx(0.5 * 10, rel=0.05)


def test_a_clock_that_goes_back_starts_the_motion_anew_and_keeps_the_objects(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(100 * PERIOD), BOX)
    run(tracker, 20, first=101)
    (track,) = tracker.step(at(5 * PERIOD))
    assert track.state is TrackState.TRACKED and track.predicted_box is None
    assert network.readings[21, 1].frames == [0, 15, 16, 17, 18, 19, 20]
    (track,) = run(tracker, 16, first=6)[-1]
    assert track.motion_score > 0.9


def test_states_follow_what_is_seen(playing):
    gone = range(20, 90)
    tracker, network = playing(
        apart, scores=lambda frame, _: (0.9, -4.0) if frame in gone else (0.9, 6.0)
    )
    track = tracker.add_prompt(at(0), BOX)
    assert track.state is TrackState.TRACKED and track.time_since_seen == 0
    tracks = [track, *(track for (track,) in run(tracker, 100))]
    assert {track.state for track in tracks[:20]} == {TrackState.TRACKED}

    hidden = tracks[20]
    assert hidden.state is TrackState.OCCLUDED and hidden.time_since_seen == PERIOD
    assert hidden.confidence == 0 and hidden.box is None and not hidden.mask.any()
    assert hidden.region is None and hidden.mask_crop.size == 0
    assert hidden.object_score == -4
    np.testing.assert_allclose(hidden.predicted_box, tracks[19].predicted_box, atol=1)
    assert not network.present[20, 1] and network.remembered[20, 1][1] == -4

    last_seen = 19 * PERIOD
    for track in tracks[20:90]:
        assert track.time_since_seen == track.stamp - last_seen
        lost = track.time_since_seen > SETTINGS.lost_after
        assert track.state is (TrackState.LOST if lost else TrackState.OCCLUDED)
        if lost:
            assert track.predicted_box is None and track.velocity == (0, 0)
    assert tracks[89].state is TrackState.LOST
    found = tracks[90]
    assert found.state is TrackState.TRACKED and found.time_since_seen == 0
    assert found.predicted_box is None
    # While it was gone, the good frames before were not forgotten.
    assert network.readings[89, 1].frames == [0, 15, 16, 17, 18, 19, 88]


def test_confidence_is_one_number_from_0_to_1(playing):
    tracker, _ = playing(apart, scores=lambda frame, _: (0.8, 1.0))
    tracker.add_prompt(at(0), BOX)
    tracks = [track for (track,) in run(tracker, 20)]
    presence = 1 / (1 + math.exp(-1))
    assert tracks[0].confidence == pytest.approx(presence * 0.8)
    last = tracks[-1]
    quality = 0.25 * last.motion_score + 0.75 * 0.8
    assert last.confidence == pytest.approx(presence * quality)


def test_without_a_motion_model_nothing_is_expected(playing):
    settings = TrackerSettings().in_mode('sam2')
    tracker, network = playing(apart, settings, scores=lambda *_: (0.1, 0.5))
    tracker.add_prompt(at(0), BOX)
    (track,) = run(tracker, 20)[-1]
    assert track.predicted_box is None and math.isnan(track.motion_score)
    assert network.readings[20, 1].frames == [0, 14, 15, 16, 17, 18, 19]


# --- clocks ---


def test_an_object_that_is_lost_for_long_is_forgotten_and_told_so_once(playing):
    settings = replace(SETTINGS, forget_after=4 * SECOND)
    tracker, _ = playing(
        apart, settings, scores=lambda frame, number: (0.9, 6.0 if number == 1 else -4.0)
    )
    for _ in range(2):
        tracker.add_prompt(at(0), BOX)
    states = []
    for number in range(1, 300):
        tracks = tracker.step(at(number * PERIOD))
        assert tracks[0].state is TrackState.TRACKED
        states += [track.state for track in tracks[1:]]
    assert [states.count(state) for state in TrackState] == [0, 60, 60, 1]
    assert states[-1] is TrackState.FORGOTTEN
    assert [track.object_id for track in tracker.objects] == [1]


def test_a_pause_of_the_stream_forgets_nothing(playing):
    settings = replace(SETTINGS, forget_after=4 * SECOND)
    tracker, _ = playing(
        apart, settings, scores=lambda frame, _: (0.9, 6.0 if frame < 20 else -4.0)
    )
    tracker.add_prompt(at(0), BOX)
    run(tracker, 19)
    (track,) = tracker.step(at(3600 * SECOND))
    assert track.state is TrackState.LOST
    (track,) = tracker.step(at(3601 * SECOND))
    assert track.state is TrackState.LOST


def test_objects_are_never_forgotten_where_the_settings_say_so(playing):
    settings = replace(SETTINGS, forget_after=0)
    tracker, _ = playing(apart, settings, scores=lambda *_: (0.9, -4.0))
    tracker.add_prompt(at(0), BOX)
    for number in range(1, 30):
        (track,) = tracker.step(at(number * 3600 * SECOND))
    assert track.state is TrackState.LOST


def test_a_clock_that_starts_anew_may_repeat_stamps(playing):
    tracker, network = playing(walking)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 20)
    tracker.restart_clock()
    small = np.zeros((HEIGHT // 2, WIDTH // 2, 3), np.uint8)
    (track,) = tracker.step(Frame(small, 20 * PERIOD))
    assert track.stamp == 20 * PERIOD and track.predicted_box is None
    assert network.readings[21, 1].frames == [0, 15, 16, 17, 18, 19, 20]
    click = Prompt(points=[[67, 26]], labels=[1])
    assert tracker.add_prompt(Frame(small, 20 * PERIOD), click, object_id=1).object_id == 1


def test_a_prompt_may_come_first_after_a_clock_started_anew(playing):
    tracker, _ = playing(walking)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 5)
    tracker.restart_clock()
    assert tracker.add_prompt(at(5 * PERIOD), CLICK, object_id=1).stamp == 5 * PERIOD
    (track,) = tracker.step(at(6 * PERIOD))
    assert track.stamp == 6 * PERIOD


def test_time_since_an_object_was_seen_is_bounded_when_two_clocks_alternate(playing):
    tracker, _ = playing(apart, scores=lambda *_: (0.9, -4.0))
    tracker.add_prompt(at(0), BOX)
    for number in range(1, 40):
        late = 2**62 if number % 2 else 0
        (track,) = tracker.step(at(late + number))
    assert track.time_since_seen == 2**63 - 1
