# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts on older frames and prompts that repeat, while other objects are tracked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

SIZE = 128
SIDE = SIZE // 4
IMAGE = np.zeros((160, 320, 3), np.uint8)
SETTINGS = TrackerSettings(closer_look=False)
BOX = Prompt(box=[10, 10, 60, 60])
WHOLE = Prompt(box=[0, 0, 320, 160])
PROMPTED, NEWEST = 3, 10
"""Frames: of the late prompt, and when it is given."""


def at(number):
    return Frame(IMAGE, number * SETTINGS.frame_period)


class Scene:
    """Two discs on a clock of their own, since frames are encoded twice after a late prompt."""

    def __init__(self, scripted, disc, where, settings=SETTINGS):
        self.numbers = []
        """Of the frames, as they are encoded."""
        self.disc, self.where = disc, where
        self.network = scripted(SIZE, self.script)
        encode = self.network.encode_image
        self.network.encode_image = lambda images: self.encoded(encode(images))
        self.tracker = Tracker(self.network, settings)
        self.now = 0

    def encoded(self, features):
        self.numbers.append(self.now)
        return features

    def script(self, frame, number):
        logits = self.disc(SIDE, *self.where(self.now, number))
        return torch.stack([logits] * 3), torch.tensor([0.9, 0.8, 0.7]), 6.0

    def frame(self, number):
        self.now = number
        return at(number)

    def step(self, number):
        return self.tracker.step(self.frame(number))

    def run_with_a_late_prompt(self, **fields):
        """Track object 1 up to NEWEST, then prompt on frame PROMPTED; return the answer."""
        self.tracker.add_prompt(self.frame(0), BOX)
        for number in range(1, NEWEST + 1):
            self.step(number)
        later = (self.frame(number) for number in range(PROMPTED + 1, NEWEST + 1))
        return self.tracker.add_prompt(self.frame(PROMPTED), BOX, later=later, **fields)


@pytest.fixture
def scene(scripted, disc):
    return lambda where, settings=SETTINGS: Scene(scripted, disc, where, settings)


def test_a_part_of_a_moving_body_may_be_prompted_on_an_older_frame(scene):
    def moving(time, number):
        x = 8 + 1.5 * time
        return (x, 12, 6) if number == 1 else (x + 2, 12, 2)

    playing = scene(moving)
    part = playing.run_with_a_late_prompt()
    assert (part.object_id, part.state) == (2, TrackState.TRACKED)
    for number in range(NEWEST + 1, NEWEST + 3):
        body, part = playing.step(number)
        assert part.state is TrackState.TRACKED and part.duplicate_of == 0
        assert (body.mask & part.mask).sum() == part.mask.sum() > 0


def crossing(time, number):
    """Object 2 was prompted where object 1 is on the newest frame; they were never together."""
    if number == 1:
        return 8 + 1.5 * time, 8, 3
    return (23, 8 + 2 * (time - PROMPTED), 3) if time <= NEWEST else (8 + 1.5 * time, 8, 3)


def test_masks_of_different_frames_make_no_part(scene):
    playing = scene(crossing)
    assert playing.run_with_a_late_prompt().object_id == 2
    first, second = playing.step(NEWEST + 1)
    assert first.state is TrackState.TRACKED
    assert second.duplicate_of == 1, 'the objects share pixels, and never overlapped'


def test_an_object_that_switches_to_another_while_catching_up_is_a_duplicate(scene):
    def switching(time, number):
        if number == 1 or time > 6:
            return 8 + 1.5 * time, 8, 3
        return 8, 24, 3

    playing = scene(switching)
    answer = playing.run_with_a_late_prompt()
    assert answer.object_id == 2
    assert answer.duplicate_of == 1 and answer.state is TrackState.OCCLUDED
    assert not answer.mask.any()
    logits = [logit for mask, logit in playing.network.remembered.values()]
    assert logits[-1] < 0, 'the mask of another object was remembered'
    assert playing.step(NEWEST + 1)[1].duplicate_of == 1


def test_overlaps_are_resolved_on_the_newest_frame_after_catching_up(scene):
    def meeting(time, number):
        # They touch from frame 8 on.
        return (10, 10, 4) if number == 1 else (26 - time, 10, 4)

    playing = scene(meeting)
    answer = playing.run_with_a_late_prompt()
    first = playing.tracker.objects[0]
    assert answer.state is TrackState.TRACKED
    assert first.mask.any() and not (first.mask & answer.mask).any()


def test_a_prompt_on_a_newer_frame_is_compared_when_the_others_get_there(scene):
    def part_of(time, number):
        return (8 + 3 * time, 12, 6) if number == 1 else (8 + 3 * time, 12, 3)

    playing = scene(part_of)
    playing.tracker.add_prompt(playing.frame(0), BOX)
    playing.tracker.add_prompt(playing.frame(4), BOX)
    for number in (4, 5):
        body, part = playing.step(number)
        assert part.state is TrackState.TRACKED
        assert (body.mask & part.mask).sum() == part.mask.sum() > 0


def still(time, number):
    return 12, 12, 5


def test_a_prompt_that_shows_a_tracked_object_is_answered_with_it(scene):
    playing = scene(still)
    first = playing.tracker.add_prompt(playing.frame(0), BOX)
    for number in range(1, 6):
        playing.step(number)
        again = playing.tracker.add_prompt(playing.frame(number), BOX, label='mug')
        assert again.object_id == first.object_id
    (track,) = playing.step(6)
    assert track.label == 'mug', 'the object had no name, and did not get one'
    assert playing.network.readings[6, 1].frames == [0, 2, 3, 4, 5]


def test_a_late_prompt_that_shows_a_tracked_object_is_answered_with_it(scene):
    playing = scene(still)
    answer = playing.run_with_a_late_prompt()
    assert answer.object_id == 1 and answer.stamp == at(NEWEST).stamp
    assert len(playing.tracker.objects) == 1


def test_a_repeated_prompt_is_answered_even_when_there_is_no_room(scene):
    playing = scene(still, replace(SETTINGS, maximum_objects=1))
    playing.tracker.add_prompt(playing.frame(0), BOX)
    assert playing.tracker.add_prompt(playing.frame(0), BOX).object_id == 1


@pytest.mark.parametrize('ignoring', [{'exclusive': False}, {'same_object': 1.0}])
def test_the_same_object_may_be_tracked_twice_where_the_settings_say_so(scene, ignoring):
    playing = scene(still, replace(SETTINGS, **ignoring))
    for object_id in (1, 2):
        assert playing.tracker.add_prompt(playing.frame(0), BOX).object_id == object_id


def test_a_refined_object_is_not_taken_for_another(scene):
    def beside(time, number):
        return (10, 10, 4) if number == 1 else (24, 10, 4)

    playing = scene(beside)
    for _ in range(2):
        playing.tracker.add_prompt(playing.frame(0), BOX)
    playing.where = still
    for number in (1, 2):
        prompted = playing.tracker.add_prompt(playing.frame(0), WHOLE, object_id=number)
        assert prompted.object_id == number
    assert len(playing.tracker.objects) == 2
