# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts that are asked are the prompts that the tracker understands."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
from std_msgs.msg import Header

from sam_tracker.ros.messages.prompt_messages import mask_of_message, prompt_of_message
from sam_tracker.ros.messages.prompt_requests import prompt_message, whole_mask_message


def test_points_box_and_mask_arrive_as_they_were_given():
    mask = np.zeros((60, 80), np.uint8)
    mask[10:20, 30:50] = 7
    message = prompt_message(
        Header(),
        [(1.5, 2.5), (3, 4)],
        [1, 0],
        (1, 2, 3.5, 4),
        mask,
        object_id=9,
        label='mug',
    )
    prompt = prompt_of_message(message, 80, 60)
    assert prompt.points.tolist() == [[1.5, 2.5], [3, 4]]
    assert prompt.labels.tolist() == [1, 0]
    assert prompt.box.tolist() == [1, 2, 3.5, 4]
    assert (prompt.mask == (mask != 0)).all()
    assert (message.object_id, message.label) == (9, 'mug')
    assert len(message.mask.data) == 10 * 20  # cropped


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        elements=st.sampled_from([0, 0, 1, 255]),
    )
)
def test_any_mask_survives_the_way_to_the_tracker(mask):
    height, width = mask.shape
    received = mask_of_message(whole_mask_message(mask), width, height)
    if mask.any():
        assert (received == (mask != 0)).all()
    else:
        assert received is None
