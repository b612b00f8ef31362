# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker makes of a network's answers, which are written down beforehand."""

from dataclasses import replace
import math

import numpy as np
import pytest
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame, FrameError
from sam_tracker.core.object_ids import LARGEST_ID, next_object_id
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.core.time import SECOND
from sam_tracker.networks.mask_images import network_mask
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

SIZE = 128
SIDE = SIZE // 4
WIDTH, HEIGHT = 320, 160
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
SETTINGS = TrackerSettings(closer_look=False)
PERIOD = SETTINGS.frame_period
BOX = Prompt(box=[10, 10, 60, 60])
CLICK = Prompt(points=[[55, 52]], labels=[1])


@pytest.fixture
def playing(scripted, disc):
    """Make a tracker whose objects are discs; ``where(frame, number)`` gives x, y and radius."""

    def start(where, settings=SETTINGS, scores=lambda frame, number: (0.9, 6.0)):
        def script(frame, number):
            affinity, object_logit = scores(frame, number)
            logits = disc(SIDE, *where(frame, number))
            worse = torch.tensor([1.0, 0.9, 0.8])
            return logits.expand(3, SIDE, SIDE), affinity * worse, object_logit

        network = scripted(SIZE, script)
        return Tracker(network, settings), network

    return start


def apart(frame, number):
    """Objects in a row, standing still."""
    return 4 + 8 * (number - 1), 10, 3


def at(stamp):
    return Frame(IMAGE, stamp)


def run(tracker, frames, first=1):
    return [tracker.step(at(number * PERIOD)) for number in range(first, first + frames)]


# --- frames ---


def test_a_frame_is_encoded_once_for_all_objects_and_prompts(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), CLICK)
    assert network.frame == 0
    assert [track.stamp for track in tracker.step(at(0))] == [0, 0]
    assert network.frame == 0
    tracker.step(at(PERIOD))
    tracker.add_prompt(at(PERIOD), BOX)
    tracker.add_prompt(at(PERIOD), CLICK, object_id=1)
    assert network.frame == 1


def test_without_objects_no_frame_is_encoded(playing):
    tracker, network = playing(apart)
    assert run(tracker, 3) == [[], [], []]
    assert network.frame == -1
    tracker.add_prompt(at(3 * PERIOD), BOX)
    assert network.frame == 0


def test_objects_of_equal_age_are_decoded_in_one_batch(playing):
    tracker, network = playing(apart)
    for _ in range(3):
        tracker.add_prompt(at(0), BOX)
    run(tracker, 2)
    assert network.batches == [3, 3]
    tracker.add_prompt(at(2 * PERIOD), BOX)
    run(tracker, 30, first=3)
    assert network.batches[2:4] == [3, 1]
    assert network.batches[-1] == 4


def test_a_prompt_on_a_newer_frame_lets_the_others_follow(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 2)
    added = tracker.add_prompt(at(3 * PERIOD), BOX)
    assert [track.stamp for track in tracker.objects] == [2 * PERIOD, 3 * PERIOD]
    first, second = tracker.step(at(3 * PERIOD))
    assert first.stamp == 3 * PERIOD
    assert second is added
    assert network.frame == 3


@pytest.mark.parametrize(
    ('frame', 'value'),
    [
        (np.zeros((4, 4), np.uint8), '[4, 4]'),
        (np.zeros((4, 4, 4), np.uint8), '[4, 4, 4]'),
        (np.zeros((0, 4, 3), np.uint8), '[0, 4, 3]'),
        (np.zeros((4, 4, 3), np.float32), 'float32'),
        (torch.zeros((4, 4, 3)), 'float32'),
        ([[1, 2, 3]], 'list'),
    ],
)
def test_what_is_no_image_is_refused_by_its_shape_and_type(playing, frame, value):
    tracker, _ = playing(apart)
    with pytest.raises(FrameError) as caught:
        tracker.step(Frame(frame, 0))
    assert value in str(caught.value)
    with pytest.raises(FrameError):
        tracker.add_prompt(Frame(frame, 0), BOX)


@pytest.mark.parametrize('stamp', [0.5, '7', None, True, 2**63])
def test_a_stamp_that_is_no_count_of_nanoseconds_is_refused_by_value(playing, stamp):
    tracker, _ = playing(apart)
    with pytest.raises(FrameError, match=str(stamp).replace('.', r'\.')):
        tracker.step(at(stamp))


def test_a_stamp_names_one_frame(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(7), BOX)
    tracker.step(at(7))
    with pytest.raises(FrameError, match='stamp 7 '):
        tracker.step(at(7))
    with pytest.raises(FrameError, match='320x160 pixels, not one of 5x5'):
        tracker.add_prompt(Frame(np.zeros((5, 5, 3), np.uint8), 7), Prompt(box=[0, 0, 2, 2]))


def test_views_that_torch_cannot_take_are_taken(playing, recwarn):
    tracker, _ = playing(apart)
    frozen = IMAGE.copy()
    frozen.flags.writeable = False
    tracker.add_prompt(Frame(frozen, 0), BOX)
    tracker.step(Frame(frozen[:, :, ::-1], PERIOD))
    tracker.step(Frame(torch.from_numpy(IMAGE), 2 * PERIOD))
    assert not recwarn.list


def test_a_frame_of_another_size_keeps_the_object_and_its_place_in_the_image(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    (small,) = run(tracker, 20)[-1]
    (large,) = tracker.step(Frame(np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8), 21 * PERIOD))
    assert large.mask.shape == (2 * HEIGHT, 2 * WIDTH)
    np.testing.assert_allclose(large.box, 2 * small.box, atol=2)
    np.testing.assert_allclose(large.predicted_box, 2 * small.predicted_box, atol=1)
    assert large.motion_score > 0.9
    (square,) = tracker.step(Frame(np.zeros((WIDTH, WIDTH, 3), np.uint8), 22 * PERIOD))
    assert square.state is TrackState.TRACKED
    assert square.predicted_box is None, 'the motion of other proportions was kept'


# --- objects ---


def test_ids_count_up_and_are_not_used_again_at_once(playing):
    tracker, _ = playing(apart)
    assert [tracker.add_prompt(at(0), BOX).object_id for _ in range(3)] == [1, 2, 3]
    tracker.remove(2)
    assert [track.object_id for track in tracker.objects] == [1, 3]
    assert tracker.add_prompt(at(0), BOX).object_id == 4


def test_ids_come_round_and_leave_out_the_living():
    assert next_object_id(0, {}) == 1
    assert next_object_id(LARGEST_ID, {1, 2}) == 3
    assert next_object_id(LARGEST_ID - 1, {LARGEST_ID}) == 1


def test_a_new_object_does_not_read_what_a_removed_one_left(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 20)
    tracker.remove(1)
    tracker.add_prompt(at(20 * PERIOD), BOX)
    size = tracker.memory_bytes
    # The network itself checks whose memories it is given.
    run(tracker, 3, first=21)
    assert network.readings[23, 2].frames == [20, 22]
    assert tracker.memory_bytes == size


def test_removing_an_unknown_object_names_it_and_those_there_are(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    with pytest.raises(PromptError, match='no object 9; the objects are: 1'):
        tracker.remove(9)
    with pytest.raises(PromptError, match='no object 9'):
        tracker.add_prompt(at(0), BOX, object_id=9)


def test_one_object_too_many_is_refused_with_the_limit(playing):
    tracker, _ = playing(apart, replace(SETTINGS, maximum_objects=2))
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    with pytest.raises(PromptError, match='2 objects are tracked, and maximum_objects is 2'):
        tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), Prompt(box=[0, 0, WIDTH, HEIGHT]), object_id=2)


def test_a_refused_prompt_changes_nothing(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX, label='mug')
    (before,) = run(tracker, 2)[-1]
    for prompt, options in [
        (Prompt(box=[10, 10, 10, 60]), {'object_id': 1, 'label': 'cup'}),
        (Prompt(points=[[-1, 5]], labels=[1]), {}),
        (BOX, {'object_id': 1, 'label': 257 * 'x'}),
    ]:
        with pytest.raises(PromptError):
            tracker.add_prompt(at(5 * PERIOD), prompt, **options)
    assert tracker.objects == [before]
    assert network.frame == 2
    (after,) = tracker.step(at(3 * PERIOD))
    assert (after.label, after.object_id) == ('mug', 1)
    assert network.readings[3, 1].frames == [0, 2]


def out_of_order():
    yield at(4 * PERIOD)
    yield at(3 * PERIOD)


def unreadable():
    yield at(4 * PERIOD)
    raise OSError('the disk is gone')


@pytest.mark.parametrize('object_id', [None, 1])
@pytest.mark.parametrize(
    ('later', 'error'), [(out_of_order, FrameError), (unreadable, OSError)], ids=['order', 'read']
)
def test_a_prompt_whose_later_frames_fail_is_undone(playing, object_id, later, error):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX, label='mug')
    (before,) = run(tracker, 5)[-1]
    frame = network.frame
    with pytest.raises(error):
        tracker.add_prompt(at(2 * PERIOD), BOX, object_id, label='cup', later=later())
    assert network.frame == frame + 2, 'the frame before the bad one was not tracked first'
    assert tracker.objects == [before]
    (after,) = tracker.step(at(6 * PERIOD))
    assert (after.label, after.object_id) == ('mug', 1)
    # What was stored of frames 0, 2 to 5 is still there and is read as if nothing had happened.
    assert network.readings[network.frame, 1].frames == [0, 2, 3, 4, 5]
    assert tracker.add_prompt(at(6 * PERIOD), BOX).object_id == 2


def test_later_frames_are_read_one_at_a_time(playing):
    tracker, network = playing(apart)
    run(tracker, 6)
    read = []

    def later():
        for number in (4, 5, 6):
            read.append(network.frame)
            yield at(number * PERIOD)

    tracker.add_prompt(at(3 * PERIOD), BOX, later=later())
    assert read == [0, 1, 2], 'a frame was read before the one ahead of it was tracked'


def test_a_label_stays_until_another_is_given(playing):
    tracker, _ = playing(apart)
    assert tracker.add_prompt(at(0), BOX, label='mug').label == 'mug'
    assert tracker.add_prompt(at(0), CLICK, object_id=1).label == 'mug'
    assert tracker.add_prompt(at(0), CLICK, object_id=1, label='cup').label == 'cup'
    assert run(tracker, 1)[0][0].label == 'cup'


def test_after_a_reset_there_is_nothing_left(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 3)
    tracker.reset()
    assert tracker.objects == []
    assert tracker.step(at(3 * PERIOD)) == []
    assert tracker.add_prompt(at(3 * PERIOD), BOX).object_id == 1


# --- prompts ---


def test_a_box_reaches_the_network_as_its_corner_pixels(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), Prompt(points=[[160, 80]], labels=[0], box=[0, 0, WIDTH, HEIGHT]))
    points, labels, mask_logits, several = network.prompts[0]
    assert labels.tolist() == [[2, 3, 0]]
    assert points.tolist() == [[[0, 0], [SIZE - 1, SIZE - 1], [63.5, 63.5]]]
    assert mask_logits is None and not several


def test_a_single_click_is_answered_by_the_best_of_several(playing):
    tracker, network = playing(apart)
    track = tracker.add_prompt(at(0), CLICK)
    assert network.prompts[0][3]
    assert track.mask_affinity_score == pytest.approx(0.9)
    # Several were chosen among, so the motion starts with this box.
    assert tracker._objects[1].selector.confirmed == 1


def test_a_given_mask_is_the_answer_itself(playing):
    tracker, network = playing(apart)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40:120, 200:280] = True
    track = tracker.add_prompt(at(0), Prompt(mask=mask))
    assert (track.mask_affinity_score, track.object_score) == (1, 10)
    assert (track.mask & mask).sum() / (track.mask | mask).sum() > 0.95
    remembered, logit = network.remembered[0, 1]
    assert logit == 10
    assert set(remembered.unique().tolist()) == {-10, 10}


def test_a_given_mask_of_one_pixel_is_not_lost(playing):
    tracker, _ = playing(apart)
    mask = np.zeros((1600, 3200), bool)
    mask[800, 1600] = True
    tracker.add_prompt(Frame(np.zeros((1600, 3200, 3), np.uint8), 0), Prompt(mask=mask))
    kept = network_mask(mask, ImageScale(3200, 1600, SIZE), torch.device('cpu'))
    assert kept.sum() >= 1


def test_a_mask_with_a_click_is_where_the_decoder_starts(playing):
    tracker, network = playing(apart)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40:120, 200:280] = True
    tracker.add_prompt(at(0), Prompt(points=[[240, 80]], labels=[1], mask=mask))
    _, labels, mask_logits, _ = network.prompts[0]
    assert labels.tolist() == [[1]]
    assert mask_logits.shape == (1, 1, SIDE, SIDE)
    assert mask_logits.min() == -10 and mask_logits.max() == 10


def test_a_correction_starts_from_the_mask_and_reads_the_memory_of_its_frame(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    (before,) = run(tracker, 5)[-1]
    tracker.add_prompt(at(5 * PERIOD), CLICK, object_id=1)
    _, labels, mask_logits, several = network.prompts[-1]
    assert labels.tolist() == [[1]] and several
    assert torch.equal(mask_logits[0, 0], before.logits.clamp(-32, 32))
    assert network.readings[5, 1].frames == [0, 2, 3, 4]
    tracker.step(at(6 * PERIOD))
    assert network.readings[6, 1].frames == [0, 5, 2, 3, 4]
    assert network.readings[6, 1].positions == [6, 6, 3, 2, 1]


def test_an_object_may_be_corrected_by_what_it_is_not(playing):
    tracker, _ = playing(apart)
    held = tracker.add_prompt(at(0), BOX)
    beside = Prompt(points=[[200, 30]], labels=[0])
    with pytest.raises(PromptError, match='points are negative'):
        tracker.add_prompt(at(0), beside)
    assert tracker.add_prompt(at(0), beside, held.object_id).object_id == held.object_id
    assert [track.object_id for track in tracker.objects] == [held.object_id]


def test_a_correction_of_an_object_that_is_not_seen_starts_from_no_mask(playing):
    tracker, network = playing(apart, scores=lambda frame, _: (0.9, 6.0 if frame < 3 else -5.0))
    tracker.add_prompt(at(0), BOX)
    (gone,) = run(tracker, 3)[-1]
    assert gone.state is TrackState.OCCLUDED
    with pytest.raises(PromptError, match='mask would be empty'):
        tracker.add_prompt(at(3 * PERIOD), CLICK, object_id=1)
    assert network.prompts[-1][2] is None


def test_a_correction_starts_the_motion_anew(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 20)
    assert tracker._objects[1].selector.stable
    tracker.add_prompt(at(20 * PERIOD), BOX, object_id=1)
    assert tracker._objects[1].selector.confirmed == 0
    (track,) = tracker.step(at(21 * PERIOD))
    assert track.predicted_box is None and math.isnan(track.motion_score)


def test_a_known_object_is_brought_to_a_newer_frame_before_it_is_corrected(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 3)
    track = tracker.add_prompt(at(4 * PERIOD), CLICK, object_id=1)
    assert track.stamp == 4 * PERIOD
    assert network.batches == [1, 1, 1, 1]
    assert network.prompts[-1][2] is not None


def test_a_prompt_on_an_old_frame_is_caught_up_alone(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 6)
    later = [at(number * PERIOD) for number in (4, 5, 6)]
    track = tracker.add_prompt(at(3 * PERIOD), BOX, later=later)
    assert (track.object_id, track.stamp) == (2, 6 * PERIOD)
    # Frames 3, 4 and 5 were looked at again, frame 6 was still known.
    assert network.frame == 6 + 3
    assert network.batches[-3:] == [1, 1, 1]
    tracks = tracker.step(at(7 * PERIOD))
    assert [track.stamp for track in tracks] == [7 * PERIOD] * 2
    assert network.readings[10, 1].frames == [0, 2, 3, 4, 5, 6]


def test_a_prompt_on_an_old_frame_forgets_what_was_tracked_since(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 6)
    track = tracker.add_prompt(
        at(4 * PERIOD), BOX, object_id=1, later=[at(5 * PERIOD), at(6 * PERIOD)]
    )
    assert track.stamp == 6 * PERIOD
    tracker.step(at(7 * PERIOD))
    # Numbers 7 and 8 are frame 4, which was prompted, and 5, looked at again; frame 6 was known.
    assert network.readings[9, 1].frames == [0, 7, 8, 8]


# --- time ---


def walking(frame, number):
    return 3 + 0.5 * frame, 10, 3


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


# --- objects and each other ---


def mistaken(frame, number):
    """Object 2 goes behind something on frame 25, and is taken for object 1 from then on."""
    return (6, 10, 4) if number == 1 or frame >= 25 else (28 - 0.3 * frame, 10, 4)


def test_a_track_that_has_become_anothers_is_told_so(playing):
    tracker, network = playing(mistaken)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    tracks = run(tracker, 120)
    for number, (keeper, follower) in enumerate(tracks, 1):
        assert keeper.duplicate_of == 0 and keeper.state is TrackState.TRACKED
        assert follower.duplicate_of == (1 if number >= 25 else 0)
        assert not (keeper.mask & follower.mask).any()
    follower = tracks[29][1]
    assert follower.state is TrackState.OCCLUDED and follower.confidence == 0
    # It is still expected on its own way, and what it follows does not get into its memory.
    assert follower.predicted_box[0] == pytest.approx(10 * (28 - 0.3 * 30 - 4), abs=10)
    assert not network.present[30, 2]
    remembered, logit = network.remembered[30, 2]
    assert logit < 0 and remembered.max() == -10
    assert network.readings[31, 2].frames == [0, 20, 21, 22, 23, 24, 30]
    assert network.readings[31, 1].frames == [0, 25, 26, 27, 28, 29, 30]
    assert tracks[-1][1].state is TrackState.LOST


def test_a_duplicate_remembers_nothing_even_before_its_motion_is_trusted(playing):
    def early(frame, number):
        return mistaken(frame if frame < 8 else 25, number)

    tracker, network = playing(early)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    assert run(tracker, 12)[-1][1].duplicate_of == 1
    assert network.readings[12, 2].frames == [0, 3, 4, 5, 6, 7, 11]


def test_a_mask_that_spreads_at_once_is_read_once_and_not_remembered(playing):
    def spreading(frame, number):
        x, y, radius = apart(frame, number)
        return x, y, 2 * radius if frame == 4 else radius

    for mode, read in (
        ('sam_tracker', [0, 2, 3, 5, 6, 7, 8]),
        ('samurai', [0, 3, 4, 5, 6, 7, 8]),
    ):
        settings = replace(SETTINGS, memory_growth=1.15).in_mode(mode)
        tracker, network = playing(spreading, settings)
        tracker.add_prompt(at(0), BOX)
        run(tracker, 9)
        assert network.readings[5, 1].frames == [0, 2, 3, 4]
        assert network.readings[9, 1].frames == read


def test_a_part_far_from_the_object_is_dropped_from_its_mask_and_its_memory(scripted, disc):
    def script(frame, number):
        logits = disc(SIDE, 10, 10, 4)
        if frame >= 3:
            logits = torch.maximum(logits, disc(SIDE, 25, 20, 1.5))
        return logits.expand(3, SIDE, SIDE), torch.tensor([0.9, 0.8, 0.7]), 6.0

    boxes = {}
    for mode in ('sam_tracker', 'samurai'):
        network = scripted(SIZE, script)
        tracker = Tracker(network, SETTINGS.in_mode(mode))
        tracker.add_prompt(at(0), BOX)
        boxes[mode] = [tracks[0].box for tracks in run(tracker, 6)]
        mask, _ = network.remembered[5, 1]
        assert bool((mask[:, 72:] > 0).any()) == (mode == 'samurai')
    without, with_part = boxes['sam_tracker'], boxes['samurai']
    assert all(np.array_equal(box, without[0]) for box in without)
    assert np.array_equal(with_part[1], without[1])
    assert with_part[2][2] > without[2][2] + 80


def test_a_mask_in_two_parts_keeps_those_that_the_object_can_have_reached(scripted, disc):
    def script(frame, number):
        logits = disc(SIDE, 14, 14, 8)
        if frame >= 3:
            # A post before the middle of the object.
            logits[..., 13:16] = -6.0
        return logits.expand(3, SIDE, SIDE), torch.tensor([0.9, 0.8, 0.7]), 6.0

    tracker = Tracker(scripted(SIZE, script), SETTINGS)
    tracker.add_prompt(at(0), BOX)
    whole, *split = (tracks[0].box for tracks in run(tracker, 6))
    assert all(np.array_equal(box[::2], whole[::2]) for box in split)


def test_another_objects_mask_takes_no_trust_from_the_motion(playing):
    def poor(frame, number):
        return (0.2 if number == 2 and frame >= 25 else 0.9), 6.0

    tracker, _ = playing(mistaken, scores=poor)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    assert run(tracker, 30)[-1][1].duplicate_of == 1
    assert tracker._objects[2].selector.stable


def test_a_duplicate_that_finds_its_own_object_again_is_none(playing):
    def returning(frame, number):
        return mistaken(frame if frame < 40 else 24, number)

    tracker, _ = playing(returning)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    tracks = run(tracker, 45)
    assert tracks[38][1].duplicate_of == 1
    assert tracks[-1][1].duplicate_of == 0
    assert tracks[-1][1].state is TrackState.TRACKED


def test_contested_pixels_are_the_better_supported_tracks(playing):
    def side_by_side(frame, number):
        return (10 if number == 1 else 16), 10, 5

    scores = {1: (0.6, 6.0), 2: (0.9, 6.0)}
    tracker, _ = playing(side_by_side, scores=lambda _, number: scores[number])
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    before = tracker.objects
    shared = before[0].mask & before[1].mask
    assert shared.any()
    weaker, stronger = run(tracker, 3)[-1]
    assert not (weaker.mask & stronger.mask).any()
    assert (stronger.mask & shared).sum() > 0.95 * shared.sum()
    assert weaker.duplicate_of == 0 and weaker.state is TrackState.TRACKED
    assert weaker.box[2] < before[0].box[2]


def test_tracks_may_ignore_each_other(playing):
    tracker, _ = playing(mistaken, replace(SETTINGS, exclusive=False))
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    first, second = run(tracker, 40)[-1]
    assert first.duplicate_of == second.duplicate_of == 0
    assert np.array_equal(first.mask, second.mask)


def test_a_part_may_be_followed_beside_its_whole(playing):
    def part_of(frame, number):
        return (12, 10, 7) if number == 1 else (14, 10, 2)

    tracker, _ = playing(part_of)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), CLICK)
    for whole, part in run(tracker, 20):
        assert whole.state is part.state is TrackState.TRACKED
        assert part.duplicate_of == 0
        assert (whole.mask & part.mask).sum() == part.mask.sum()


# --- failures ---


@pytest.mark.parametrize(
    'method',
    ['encode_image', 'attend_to_memory', 'decode', 'object_pointer', 'encode_memory'],
)
@pytest.mark.parametrize('refining', [False, True])
def test_a_network_that_fails_leaves_the_tracker_as_it_was(playing, monkeypatch, method, refining):
    tracker, network = playing(walking)
    untouched, _ = playing(walking)
    for each in (tracker, untouched):
        each.add_prompt(at(0), BOX)
        run(each, 20)
    before = tracker.objects

    def fail(*_, **__):
        raise MemoryError('no memory left on the device')

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(network, method, fail)
        if refining:
            # The network sees the 22nd image, on which the disc is there.
            click = Prompt(points=[[140, 52]], labels=[1])
            tracker.add_prompt(at(10 * PERIOD), click, object_id=1, label='cup')
        else:
            tracker.step(at(21 * PERIOD))
    assert tracker.objects == before
    network.frame = 20
    network._decoded.clear()
    for number in range(21, 24):
        (track,), (expected,) = (each.step(at(number * PERIOD)) for each in (tracker, untouched))
        assert track.label == expected.label == ''
        np.testing.assert_array_equal(track.predicted_box, expected.predicted_box)
        assert track.motion_score == expected.motion_score
        frames = network.readings[number, 1].frames
        assert frames == [0, *range(number - 6, number)]


# --- objects that do not come back, and clocks that start anew ---


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


# --- other settings ---


def test_settings_that_change_hold_from_the_next_frame_on_and_objects_stay(playing):
    tracker, _ = playing(apart, scores=lambda frame, _: (0.9, 6.0 if frame < 3 else -6.0))
    tracker.add_prompt(at(0), BOX, label='box')
    (track,) = run(tracker, 4)[-1]
    assert track.state is TrackState.OCCLUDED
    tracker.change(replace(SETTINGS, lost_after=0))
    (track,) = tracker.step(at(5 * PERIOD))
    assert (track.state, track.object_id, track.label) == (TrackState.LOST, 1, 'box')
    tracker.change(replace(SETTINGS, lost_after=0, presence_logit=-10.0))
    (track,) = tracker.step(at(6 * PERIOD))
    assert track.state is TrackState.TRACKED


@pytest.mark.parametrize(
    'name,value',
    [('memory_rule', 'sam2'), ('motion_model', None), ('maximum_objects', 3), ('frame_period', 1)],
)
def test_settings_that_the_state_of_objects_depends_on_cannot_change(playing, name, value):
    tracker, _ = playing(apart)
    with pytest.raises(
        ValueError, match=f'{name} of a tracker cannot change from .* to .?{value}'
    ):
        tracker.change(replace(SETTINGS, **{name: value}))
    assert tracker.settings == SETTINGS
