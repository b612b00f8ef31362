# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from sam_tracker.evaluation.readers.generated_clips import (
    clip_sequence,
    generated,
    prompt_from_mask,
)
from sam_tracker.video.generated import GeneratedClip, generate_clip


def test_clips_are_held_out_and_equal_whenever_they_are_opened():
    dataset = generated('box', 'medium', 'occlusion', clips=2, frames=3, size=64)
    assert len(dataset.sequence_names) == 2
    first = dataset.open_sequence(dataset.sequence_names[0])
    again = dataset.open_sequence(dataset.sequence_names[0])
    for one, other in zip(first.frames(), again.frames(), strict=True):
        assert np.array_equal(one, other)
    trained_on = generate_clip(10_000, 3, 64, 'medium', scenario='occlusion')
    assert not np.array_equal(trained_on.frames[0], next(first.frames()))


def test_the_truth_is_that_of_object_1():
    clip = generate_clip(5, 4, 64, 'easy', held_out=True)
    sequence = clip_sequence('clip', clip, 'mask')
    (target,) = sequence.targets
    assert np.array_equal(target.mask(3), clip.masks[3] == 1)
    assert np.array_equal(target.boxes, clip.boxes[:, 0], equal_nan=True)
    assert np.array_equal(sequence.object_ids(2), clip.masks[2])


def test_the_prompt_waits_for_the_first_frame_that_shows_the_object():
    masks = np.zeros((3, 16, 16), np.uint8)
    masks[1:, 4:9, 5:12] = 1
    boxes = np.full((3, 1, 4), np.nan, np.float32)
    boxes[1:] = 5, 4, 12, 9
    clip = GeneratedClip(
        np.zeros((3, 16, 16, 3), np.uint8), masks, boxes, np.array([[False], [True], [True]])
    )
    (target,) = clip_sequence('clip', clip, 'box').targets
    assert target.first_frame == 1
    assert target.prompt.box.tolist() == [5, 4, 12, 9]


def test_frames_with_a_few_pixels_left_are_not_judged():
    boxes = np.full((3, 1, 4), np.nan, np.float32)
    boxes[:2] = 5, 4, 12, 9
    masks = np.zeros((3, 16, 16), np.uint8)
    masks[0, 4:9, 5:12] = 1
    clip = GeneratedClip(
        np.zeros((3, 16, 16, 3), np.uint8), masks, boxes, np.array([[True], [False], [False]])
    )
    (target,) = clip_sequence('clip', clip, 'box').targets
    assert target.judged_frames.tolist() == [0, 2]


def test_a_click_lies_deepest_inside_the_object():
    mask = np.zeros((20, 30), bool)
    mask[5:16, 8:19] = True
    mask[10, 19:29] = True  # a thin tail, which moves the centre of gravity
    prompt = prompt_from_mask(mask, 'point')
    assert prompt.points.tolist() == [[13.5, 10.5]]
    assert prompt.labels.tolist() == [1]
    prompt.validate(30, 20)


def test_a_click_on_an_object_that_fills_the_image_is_inside_it():
    prompt = prompt_from_mask(np.ones((9, 9), bool), 'point')
    assert prompt.points.tolist() == [[4.5, 4.5]]


def test_an_unknown_kind_of_prompt_is_refused():
    with pytest.raises(ValueError, match="prompt is 'text', not one of box, point, mask"):
        generated('text', 'easy', None, 1, 1, 64)
