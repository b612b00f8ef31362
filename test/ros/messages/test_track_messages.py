# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks as messages, label images and drawings."""

import math

import numpy as np
import pytest
from std_msgs.msg import Header
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImageBox
from sam_tracker.msg import Track as TrackMessage
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.ros.messages.track_messages import (
    drawn_track,
    label_image,
    track_array,
    track_message,
)
from sam_tracker.tracking.track import Track, TrackState

WIDTH, HEIGHT, SIDE = 64, 48, 32


def track(object_id: int, columns: tuple[int, int] | None, **changes: object) -> Track:
    """Return a track whose mask fills these columns (of 32) of the image; None: not seen."""
    logits = torch.full((1, SIDE, SIDE), -10.0)
    bound = None
    if columns is not None:
        logits[0, 8:17, columns[0] : columns[1] + 1] = 10.0
        bound = np.array([columns[0], 8, columns[1], 16], np.float64)
    values = {
        'object_id': object_id,
        'label': 'mug',
        'stamp': 5,
        'image_size': (WIDTH, HEIGHT),
        'state': TrackState.TRACKED if columns else TrackState.OCCLUDED,
        'time_since_seen': 0 if columns else 3 * SECOND // 2,
        'mask_affinity_score': 0.75,
        'object_score': 4.5,
        'motion_score': math.nan,
        'confidence': 0.5 if columns else 0.0,
        'predicted_box': np.array([1.0, 2.0, 3.0, 4.0]),
        'velocity': (2.5, -1.0),
        'duplicate_of': 0,
        'mahalanobis_distance': 0.0,
        'network_box': None,
        'images': MaskImages(logits, [bound], [ImageScale(WIDTH, HEIGHT, 4 * logits.shape[-1])]),
        'index': 0,
        **changes,
    }
    return Track(**values)


def test_everything_known_of_a_track_is_in_its_message():
    source = track(7, (4, 9), duplicate_of=3)
    message = track_message(source)
    assert (message.object_id, message.label, message.state) == (7, 'mug', message.STATE_TRACKED)
    assert message.mask_affinity_score == pytest.approx(0.75)
    assert message.object_score == pytest.approx(4.5)
    assert math.isnan(message.motion_score)
    assert message.confidence == pytest.approx(0.5)
    assert (message.velocity.x, message.velocity.y) == (2.5, -1.0)
    assert message.predicted_box == ImageBox(x_min=1.0, y_min=2.0, x_max=3.0, y_max=4.0)
    assert message.duplicate_of == 3
    assert nanoseconds(message.time_since_seen) == 0


def test_the_mask_of_a_message_holds_exactly_the_tracks_pixels():
    source = track(7, (4, 9))
    message = track_message(source)
    region = message.mask.region
    pasted = np.zeros((HEIGHT, WIDTH), bool)
    crop = np.frombuffer(message.mask.data, np.uint8).reshape(region.height, region.width)
    rows = slice(region.y_offset, region.y_offset + region.height)
    columns = slice(region.x_offset, region.x_offset + region.width)
    pasted[rows, columns] = crop != 0
    assert pasted.any()
    np.testing.assert_array_equal(pasted, source.mask)
    assert (message.box.x_min, message.box.y_max) == (columns.start, rows.stop)


def test_an_object_that_is_not_seen_has_neither_mask_nor_box():
    message = track_message(track(7, None))
    assert message.state == TrackMessage.STATE_OCCLUDED
    assert message.box == ImageBox()
    assert (message.mask.region.width, len(message.mask.data)) == (0, 0)
    assert nanoseconds(message.time_since_seen) == 3 * SECOND // 2


def test_a_missing_prediction_is_a_box_of_zeros():
    assert track_message(track(7, (4, 9), predicted_box=None)).predicted_box == ImageBox()


def test_masks_are_left_out_when_nobody_wants_them():
    message = track_array(Header(), WIDTH, HEIGHT, [track(7, (4, 9))], masks=None)
    assert len(message.tracks[0].mask.data) == 0
    assert message.tracks[0].box.x_max > 0


def test_tracks_are_listed_by_ascending_id_under_the_header_of_the_image():
    header = Header(frame_id='camera')
    header.stamp.sec, header.stamp.nanosec = 12, 345
    message = track_array(header, WIDTH, HEIGHT, [track(9, (4, 9)), track(2, None)])
    assert [each.object_id for each in message.tracks] == [2, 9]
    assert message.header == header
    assert (message.image_width, message.image_height) == (WIDTH, HEIGHT)


def test_the_label_image_has_the_id_of_every_object_on_its_pixels():
    tracks = [track(7, (4, 9)), track(65535, (20, 25)), track(9, None)]
    labels = label_image(tracks, WIDTH, HEIGHT)
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels == 7, tracks[0].mask)
    np.testing.assert_array_equal(labels == 65535, tracks[1].mask)
    assert set(np.unique(labels)) == {0, 7, 65535}


def test_the_states_of_the_tracker_are_those_of_the_message():
    assert TrackState.TRACKED == TrackMessage.STATE_TRACKED
    assert TrackState.OCCLUDED == TrackMessage.STATE_OCCLUDED
    assert TrackState.LOST == TrackMessage.STATE_LOST
    assert TrackState.FORGOTTEN == TrackMessage.STATE_FORGOTTEN


def test_what_is_drawn_is_what_is_known():
    drawn = drawn_track(track(7, (4, 9)))
    assert (drawn.object_id, drawn.state, drawn.label) == (7, 'tracked', 'mug')
    assert drawn.mask is not None
    assert drawn.mask_origin == (drawn.box[0], drawn.box[1])
    unseen = drawn_track(track(7, None))
    assert (unseen.mask, unseen.box, unseen.seconds_since_seen) == (None, None, 1.5)
