# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Candidates as messages, and the prompts of a request."""

import numpy as np
import pytest

from sam_tracker.core.boxes import Region
from sam_tracker.core.prompt import PromptError
from sam_tracker.msg import ImageBox, ImagePoint, Prompt
from sam_tracker.ros.messages.prompt_messages import mask_of_message
from sam_tracker.ros.messages.segment_messages import (
    candidate_message,
    prompts_of_messages,
)
from sam_tracker.segmentation.mask_candidate import MaskCandidate

WIDTH, HEIGHT = 64, 48
REGION = Region(5, 7, 4, 3)


def candidate(predicted_iou: float = 0.75, region: Region | None = REGION, **changes):
    shape = (0, 0) if region is None else (region.height, region.width)
    crop = np.full(shape, 255, np.uint8)
    crop[:1, :2] = 0
    return MaskCandidate((WIDTH, HEIGHT), region, crop, predicted_iou, 0.5, None, **changes)


def test_everything_known_of_a_candidate_is_in_its_message():
    message = candidate_message(candidate(point=(6.5, 8.0), prompt_index=3, label='mug'))
    assert (message.prompt_index, message.label, message.area) == (3, 'mug', 10)
    assert (message.predicted_iou, message.stability_score) == (0.75, 0.5)
    assert message.box == ImageBox(x_min=5.0, y_min=7.0, x_max=9.0, y_max=10.0)
    assert message.point == ImagePoint(x=6.5, y=8.0)


def test_the_mask_of_a_candidate_can_be_sent_back_as_a_prompt():
    source = candidate()
    sent_back = mask_of_message(candidate_message(source).mask, WIDTH, HEIGHT)
    assert np.array_equal(sent_back, source.mask)


def test_an_empty_candidate_has_an_empty_mask_and_box():
    message = candidate_message(candidate(region=None))
    assert message.mask.region.width == 0
    assert len(message.mask.data) == 0
    assert (message.area, message.box) == (0, ImageBox())


def test_a_candidate_without_its_mask_keeps_box_and_area():
    message = candidate_message(candidate(), None)
    assert (message.mask.region.width, len(message.mask.data)) == (0, 0)
    assert (message.area, message.box.x_max) == (10, 9.0)


def test_a_prompt_that_cannot_be_followed_is_named_by_its_index_in_the_request():
    good = Prompt(points=[ImagePoint(x=1.0, y=1.0)], point_labels=[1])
    outside = Prompt(points=[ImagePoint(x=65.0, y=1.0)], point_labels=[1])
    assert len(prompts_of_messages([good, good], WIDTH, HEIGHT)) == 2
    with pytest.raises(PromptError, match=r'prompt 9: point 0 at \(65, 1\) lies outside'):
        prompts_of_messages([good, outside], WIDTH, HEIGHT, first_index=8)
