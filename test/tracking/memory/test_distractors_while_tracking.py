# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The distractor-aware rule in a tracker, with a network whose answers are written down."""

import cv2
import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.memory.candidate_shapes import CandidateShapes, packed_shapes
from sam_tracker.tracking.memory.distractor_rule import BOX_AGREEMENT
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.generated import generate_clip

SIZE = 128
SETTINGS = TrackerSettings(closer_look=False).in_mode('dam')
IMAGE = np.zeros((80, 160, 3), np.uint8)


@pytest.fixture
def network(scripted, disc):
    """Two objects far apart; a candidate of the first one reaches for a twin on frame 12."""
    own, other = disc(SIZE // 4, 6, 6, 4), disc(SIZE // 4, 6, 26, 4)
    twin = disc(SIZE // 4, 20, 6, 4)
    sure = torch.tensor([0.9, 0.8, 0.7])

    def script(frame, number):
        if 20 <= frame < 25:
            return torch.stack([own] * 3), sure, -5.0
        mask = own if number == 1 else other
        candidates = [mask, torch.maximum(mask, twin) if (frame, number) == (12, 1) else mask]
        return torch.stack([*candidates, mask]), sure, 6.0

    return scripted(SIZE, script)


def test_a_frame_with_a_distractor_is_read_as_a_prompted_one_by_its_object_alone(network):
    tracker = Tracker(network, SETTINGS)
    for box in ([10, 5, 50, 25], [10, 55, 50, 75]):
        tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=box))
    for number in range(1, 41):
        tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
    first, second = network.readings[40, 1], network.readings[40, 2]
    assert first.frames == [0, 12, 15, 25, 30, 35, 39]
    assert first.positions == [6, 6, 4, 3, 2, 1, 0]
    assert first.pointer_frames[:2] == [0, 12]
    assert second.frames == [0, 10, 15, 25, 30, 35, 39]
    assert second.positions == [6, 5, 4, 3, 2, 1, 0]


def test_frames_of_absence_are_not_read(network):
    tracker = Tracker(network, SETTINGS)
    tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=[10, 5, 50, 25]))
    for number in range(1, 27):
        tracker.step(Frame(IMAGE, number * SETTINGS.frame_period))
    assert network.readings[24, 1].frames == [0, 12, 5, 10, 15, 19]
    assert network.readings[24, 1].pointer_frames == [0, 12, 19, 18, 17, 16, 15, 14, 13, 11, 10, 9]
    assert network.readings[26, 1].frames == [0, 12, 5, 10, 15, 25]


def box_agreement_at_image_size(chosen, other):
    """The rule on whole masks [H, W], as the released code has it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (other & ~chosen).astype(np.uint8), connectivity=8
    )
    if count == 1:
        return 1.0
    largest = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    areas = []
    for mask in (chosen, chosen | largest):
        rows, columns = np.nonzero(mask)
        areas.append((np.ptp(rows) + 1) * (np.ptp(columns) + 1))
    return areas[0] / areas[1]


def box_agreement_as_decoded(chosen, other):
    """The rule as the tracker has it, on masks with a quarter of the side."""
    logits = torch.from_numpy(np.stack([chosen, other, chosen]).astype(np.float32) - 0.5)
    packed = packed_shapes(torch.nn.functional.avg_pool2d(logits, 4)[None])[0]
    return CandidateShapes(packed.numpy().astype(np.uint16), 0, 1.0).box_agreement


def test_the_decoded_masks_decide_as_masks_at_the_image_size_do():
    side, decided = 256, []
    for seed in range(6):
        clip = generate_clip(seed, 8, side, 'medium', scenario='look_alike')
        for masks in clip.masks:
            chosen = masks == 1
            # Boxes of a few cells are too coarse for a comparison.
            if chosen.sum() < 1600 or not (masks == 2).any():
                continue
            wider = cv2.dilate(chosen.astype(np.uint8), np.ones((9, 9))) > 0
            for other in (chosen | (masks == 2), wider):
                expected = box_agreement_at_image_size(chosen, other)
                found = box_agreement_as_decoded(chosen, other)
                assert found == pytest.approx(expected, abs=0.1)
                if abs(expected - BOX_AGREEMENT) > 0.05:
                    assert (found <= BOX_AGREEMENT) == (expected <= BOX_AGREEMENT)
                    decided.append(expected <= BOX_AGREEMENT)
    assert any(decided)
    assert not all(decided)
