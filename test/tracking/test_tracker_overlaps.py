# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Objects whose masks overlap, or that switch to another object."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

from .discs import (
    BOX,
    CLICK,
    SETTINGS,
    SIDE,
    SIZE,
    apart,
    at,
    run,
)


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


def test_what_comes_out_from_behind_something_in_a_part_of_its_own_is_the_object(scripted):
    def script(frame, number):
        logits = torch.full((SIDE, SIDE), -6.0)
        logits[10:22, 8:20] = 6.0
        if 3 <= frame < 10:
            logits[:, 14:] = -6.0
        elif frame >= 10:
            logits[:, 14:16] = -6.0
        return logits.expand(3, SIDE, SIDE), torch.tensor([0.9, 0.8, 0.7]), 6.0

    tracker = Tracker(scripted(SIZE, script), SETTINGS)
    tracker.add_prompt(at(0), Prompt(box=[80, 50, 200, 110]))
    boxes = [tracks[0].box for tracks in run(tracker, 12)]
    assert boxes[5][2] < boxes[0][2] - 20
    assert np.array_equal(boxes[-1], boxes[0])


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
