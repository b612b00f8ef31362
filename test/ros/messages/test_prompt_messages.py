# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompt messages and what the tracker makes of them."""

import array

from geometry_msgs.msg import Point
import numpy as np
import pytest
from std_msgs.msg import Header

from sam_tracker.core.prompt import PromptError
from sam_tracker.msg import ImageBox, ImagePoint, Mask, Prompt
from sam_tracker.ros.messages.prompt_messages import mask_of_message, prompt_of_message
from sam_tracker.ros.messages.prompt_requests import prompt_of_click


def mask_message(x: int, y: int, width: int, height: int, data: bytes) -> Mask:
    mask = Mask(data=array.array('B', data))
    mask.region.x_offset, mask.region.y_offset = x, y
    mask.region.width, mask.region.height = width, height
    return mask


def test_points_box_and_mask_arrive_together():
    message = Prompt(
        points=[ImagePoint(x=1.5, y=2.5), ImagePoint(x=3.0, y=4.0)],
        point_labels=[Prompt.POINT_POSITIVE, Prompt.POINT_NEGATIVE],
        box=ImageBox(x_min=1.0, y_min=2.0, x_max=5.0, y_max=6.0),
        mask=mask_message(2, 1, 2, 2, bytes([255, 0, 1, 7])),
    )
    prompt = prompt_of_message(message, width=8, height=6)
    assert prompt.points.tolist() == [[1.5, 2.5], [3.0, 4.0]]
    assert prompt.labels.tolist() == [1, 0]
    assert prompt.box.tolist() == [1.0, 2.0, 5.0, 6.0]
    assert np.argwhere(prompt.mask).tolist() == [[1, 2], [2, 2], [2, 3]]
    prompt.validate(8, 6)


def test_an_empty_prompt_is_left_to_the_tracker_to_refuse():
    prompt = prompt_of_message(Prompt(), 8, 6)
    with pytest.raises(PromptError, match='empty'):
        prompt.validate(8, 6)


def test_a_point_without_its_label_is_refused():
    with pytest.raises(PromptError, match='1 points, labels of shape'):
        prompt_of_message(Prompt(points=[ImagePoint()]), 8, 6)


def test_more_points_than_the_message_allows_are_refused_by_number():
    points = [ImagePoint(x=1.0, y=1.0)] * 257
    prompt = Prompt(points=points[:256], point_labels=[1] * 256)
    assert len(prompt_of_message(prompt, 8, 6).points) == 256
    prompt.points = points
    with pytest.raises(PromptError, match='257 points; at most 256'):
        prompt_of_message(prompt, 8, 6)


def test_a_label_longer_than_the_message_allows_is_refused_by_its_bytes():
    prompt_of_message(Prompt(label='ü' * 128), 8, 6)
    with pytest.raises(PromptError, match='the label has 257 bytes'):
        prompt_of_message(Prompt(label='x' + 'ü' * 128), 8, 6)


def test_the_box_with_four_zeros_is_no_box_and_any_other_is_one():
    assert prompt_of_message(Prompt(box=ImageBox()), 8, 6).box is None
    empty = prompt_of_message(Prompt(box=ImageBox(x_max=3.0)), 8, 6)
    with pytest.raises(PromptError, match=r'the box is empty: \[0, 0, 3, 0\]'):
        empty.validate(8, 6)


@pytest.mark.parametrize(
    ('mask', 'words'),
    [
        (mask_message(0, 0, 2, 2, bytes(3)), '3 bytes of data; its region of 2x2 pixels needs 4'),
        (mask_message(7, 0, 2, 1, bytes(2)), r'2x1 pixels at \(7, 0\), does not lie inside'),
        (mask_message(0, 6, 1, 1, bytes(1)), 'image of 8x6 pixels'),
        (mask_message(0, 0, 0, 3, bytes(5)), '5 bytes of data but its region is 0x3'),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_by_its_numbers(mask, words):
    with pytest.raises(PromptError, match=words):
        mask_of_message(mask, 8, 6)


def test_an_empty_mask_is_no_mask():
    assert mask_of_message(Mask(), 8, 6) is None


def test_a_click_is_a_new_object_with_one_point_on_it():
    header = Header(frame_id='camera')
    header.stamp.sec = 5
    prompt = prompt_of_click(Point(x=3.0, y=4.0, z=9.0), header)
    assert prompt.object_id == 0
    assert prompt.points == [ImagePoint(x=3.0, y=4.0)]
    assert list(prompt.point_labels) == [Prompt.POINT_POSITIVE]
    assert prompt.header == header
    assert prompt_of_click(Point()).header == Header()
