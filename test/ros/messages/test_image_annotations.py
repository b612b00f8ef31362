# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What Foxglove draws over an image, where its messages are installed."""

import numpy as np
import pytest
from std_msgs.msg import Header

from sam_tracker.rendering import DrawnTrack
from sam_tracker.ros.messages import image_annotations
from sam_tracker.ros.messages.stamps import time_message

pytestmark = pytest.mark.skipif(
    not image_annotations.INSTALLED, reason='foxglove_msgs is not installed'
)

HEADER = Header(frame_id='camera', stamp=time_message(1_500_000_000))


def drawn(state: str, **fields) -> DrawnTrack:
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 10:25] = 255
    values = {
        'object_id': 7,
        'label': 'mug',
        'state': state,
        'confidence': 0.93,
        'box': (110.0, 55.0, 125.0, 65.0),
        'predicted_box': (112.0, 55.0, 127.0, 65.0),
        'mask': mask,
        'mask_origin': (100, 50),
        'seconds_since_seen': 0.0,
        'duplicate_of': 0,
        **fields,
    }
    return DrawnTrack(**values)


def test_a_visible_object_has_the_outline_of_its_mask_and_its_name():
    message = image_annotations.annotations_of(HEADER, [drawn('tracked')])
    (outline,), (text,) = message.points, message.texts
    assert outline.type == outline.LINE_LOOP
    assert outline.timestamp == text.timestamp == HEADER.stamp
    corners = {(point.x, point.y) for point in outline.points}
    # Through the centres of the outermost pixels.
    assert corners == {(110.5, 55.5), (110.5, 64.5), (124.5, 55.5), (124.5, 64.5)}
    assert outline.outline_color.a == 1.0 and 0 < outline.fill_color.a < 1
    assert text.text == '7 mug 0.93'
    assert (text.position.x, text.position.y) == (110.0, 55.0)


def test_a_hidden_object_has_the_box_in_which_it_is_expected():
    message = image_annotations.annotations_of(HEADER, [drawn('occluded', label='')])
    (outline,), (text,) = message.points, message.texts
    assert [(point.x, point.y) for point in outline.points] == [
        *((112.0, 55.0), (127.0, 55.0), (127.0, 65.0), (112.0, 65.0)),
    ]
    assert outline.fill_color.a == 0.0 and outline.outline_color.a < 1.0
    assert text.text == '7 occluded'


def test_what_is_nowhere_is_not_drawn():
    tracks = [drawn('lost', predicted_box=None), drawn('forgotten')]
    message = image_annotations.annotations_of(HEADER, tracks)
    assert not message.points and not message.texts
