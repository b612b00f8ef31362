# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How prompts and corrections reach the network, and what they change."""

import math

import numpy as np
import pytest
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.networks.mask_images import network_mask
from sam_tracker.tracking.track import TrackState

from .discs import BOX, CLICK, HEIGHT, PERIOD, SIDE, SIZE, WIDTH, apart, at, run


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
