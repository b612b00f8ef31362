# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Track messages become what is drawn and recorded, field by field."""

import array
import math

import numpy as np
import pytest

from sam_tracker.msg import ImageBox, Track, TrackArray
from sam_tracker.ros.messages.recorded_tracks import TrackMessageError, check_size, recorded_frame


@pytest.fixture
def message() -> TrackArray:
    track = Track(object_id=7, label='mug', state=Track.STATE_TRACKED, confidence=0.5)
    track.box = ImageBox(x_min=10.0, y_min=20.0, x_max=13.0, y_max=22.0)
    track.mask.region.x_offset, track.mask.region.y_offset = 10, 20
    track.mask.region.width, track.mask.region.height = 3, 2
    track.mask.data = array.array('B', [255, 0, 255, 0, 255, 0])
    track.velocity.x, track.velocity.y = 1.5, -2.0
    track.object_score, track.motion_score = 3.25, math.nan
    track.duplicate_of = 2
    lost = Track(object_id=8, state=Track.STATE_LOST)
    lost.time_since_seen.sec, lost.time_since_seen.nanosec = 2, 500_000_000
    result = TrackArray(image_width=64, image_height=48, tracks=[track, lost])
    result.header.stamp.sec, result.header.stamp.nanosec = 3, 4
    result.header.frame_id = 'camera'
    result.processing_latency.nanosec = 20_000_000
    return result


def test_every_field_arrives(message):
    frame = recorded_frame(message)
    assert (frame.stamp, frame.frame_id) == (3_000_000_004, 'camera')
    assert (frame.width, frame.height) == (64, 48)
    assert frame.processing_latency == pytest.approx(0.02)
    seen, lost = frame.tracks
    assert (seen.object_id, seen.label, seen.state) == (7, 'mug', 'tracked')
    assert seen.box == (10, 20, 13, 22)
    assert seen.predicted_box is None
    assert seen.mask.tolist() == [[255, 0, 255], [0, 255, 0]]
    assert seen.mask_origin == (10, 20)
    assert (seen.velocity, seen.object_score, seen.duplicate_of) == ((1.5, -2.0), 3.25, 2)
    assert math.isnan(seen.motion_score)
    assert (lost.state, lost.seconds_since_seen) == ('lost', 2.5)
    assert lost.box is lost.mask is None


def test_a_mask_that_leaves_the_image_is_named(message):
    message.tracks[0].mask.region.x_offset = 62
    with pytest.raises(TrackMessageError, match=r'object 7, 3x2 pixels at \(62, 20\).*64x48'):
        recorded_frame(message)


def test_a_mask_whose_bytes_do_not_fill_its_region_is_named(message):
    message.tracks[0].mask.region.height = 3
    with pytest.raises(TrackMessageError, match=r'object 7 has 6 bytes.* 3x3 pixels needs 9'):
        recorded_frame(message)


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    'field',
    [
        *('box.x_min', 'predicted_box.y_max', 'velocity.y'),
        *('confidence', 'mask_affinity_score', 'object_score', 'motion_score'),
    ],
)
def test_a_number_that_is_not_finite_is_named(message, field, value):
    *parents, name = field.split('.')
    setattr(getattr(message.tracks[0], *parents) if parents else message.tracks[0], name, value)
    if field == 'motion_score' and math.isnan(value):
        assert recorded_frame(message)
        return
    with pytest.raises(TrackMessageError, match=rf'{(parents or [name])[0]} of object 7 is not'):
        recorded_frame(message)


def test_a_label_that_no_tracker_accepts_is_named(message):
    message.tracks[0].label = 'ü' * 129
    with pytest.raises(TrackMessageError, match='the label has 258 bytes, at most 256'):
        recorded_frame(message)


def test_tracks_of_an_image_of_another_size_are_named(message):
    check_size(recorded_frame(message), np.zeros((48, 64, 3), np.uint8))
    message.image_width = message.image_height = 2**32 - 1
    message.tracks[0].mask.region.x_offset = message.tracks[0].mask.region.y_offset = 2**31
    with pytest.raises(TrackMessageError, match=r'4294967295x4294967295.* has 64x48'):
        check_size(recorded_frame(message), np.zeros((48, 64, 3), np.uint8))


def test_a_state_that_nobody_knows_is_unknown(message):
    message.tracks[0].state = 77
    assert recorded_frame(message).tracks[0].state == 'unknown'
