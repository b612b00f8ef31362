# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The image buffer: bounded in time and memory, exact about what it holds."""

import array

from hypothesis import given, strategies
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.image_buffer import ImageBuffer, ImageNotFoundError
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.messages.stamps import time_message


def frame(seconds: float, size: int = 10) -> ReceivedImage:
    return ReceivedImage(Image(data=array.array('B', bytes(size))), round(seconds * SECOND), 0)


def filled(*seconds: float, span: float = 100.0, megabytes: int = 100) -> ImageBuffer:
    buffer = ImageBuffer(span, megabytes)
    for each in seconds:
        buffer.add(frame(each))
    return buffer


def test_an_image_is_found_by_its_stamp():
    buffer = filled(1.0, 1.1, 1.2)
    assert buffer.at(round(1.1 * SECOND)).stamp == round(1.1 * SECOND)


def test_a_stamp_that_went_through_a_float_still_finds_its_image():
    stamp = 1_763_723_456 * SECOND + 123_456_789
    buffer = ImageBuffer(5.0, 10)
    buffer.add(ReceivedImage(Image(), stamp, 0))
    assert float(stamp / SECOND) * SECOND != stamp
    assert buffer.at(round(stamp / SECOND * SECOND)).stamp == stamp


@pytest.mark.parametrize(
    ('seconds', 'message'),
    [
        (0.5, 'image with stamp 0.500000000 is too old: the 3 kept images go from 1.000000000'),
        (9.0, 'image with stamp 9.000000000 has not arrived: the 3 kept images'),
        (1.05, 'there is no image with stamp 1.050000000: .* nearest has stamp 1.'),
    ],
)
def test_a_stamp_without_an_image_is_answered_with_what_there_is(seconds, message):
    with pytest.raises(ImageNotFoundError, match=message):
        filled(1.0, 1.1, 1.2).at(round(seconds * SECOND))


def test_an_empty_buffer_says_that_no_image_has_arrived():
    with pytest.raises(ImageNotFoundError, match='none has arrived yet'):
        ImageBuffer(1.0, 1).at(SECOND)


def test_frames_older_than_the_span_are_forgotten():
    buffer = filled(*range(10), span=3.0)
    assert len(buffer) == 4
    assert buffer.bytes == 40


def test_memory_is_bounded_and_the_newest_image_always_kept():
    buffer = ImageBuffer(100.0, 1)
    for second in range(20):
        buffer.add(frame(second, 300_000))
    assert len(buffer) == 3
    assert buffer.bytes == 900_000
    buffer.add(frame(21, 5_000_000))
    assert [len(buffer), buffer.bytes] == [1, 5_000_000]


def test_smaller_bounds_hold_at_once():
    buffer = filled(*range(10))
    buffer.set_bounds(1.0, 100)
    assert len(buffer) == 2


def test_an_image_older_than_the_newest_is_not_taken():
    buffer = filled(1.0, 2.0)
    buffer.add(frame(1.5))
    assert len(buffer) == 2


def test_after_clearing_time_may_begin_again():
    buffer = filled(100.0)
    buffer.clear()
    assert (buffer.newest, buffer.bytes, len(buffer)) == (None, 0, 0)
    buffer.add(frame(1.0))
    assert buffer.newest.stamp == SECOND


@given(
    held=strategies.integers(0, 40),
    after=strategies.integers(-1, 40),
    until=strategies.integers(-1, 40),
    at_most=strategies.integers(1, 12),
)
def test_the_images_in_between_are_spread_evenly_and_end_with_the_last(
    held, after, until, at_most
):
    buffer = filled(*range(held))
    possible = [second for second in range(held) if after < second <= until]
    stamps = [
        each.stamp // SECOND for each in buffer.between(after * SECOND, until * SECOND, at_most)
    ]
    assert set(stamps) <= set(possible)
    assert stamps == sorted(set(stamps))
    assert len(stamps) == min(at_most, len(possible))
    if possible:
        assert stamps[-1] == possible[-1]
        gaps = [b - a for a, b in zip([possible[0] - 1, *stamps], stamps, strict=False)]
        assert max(gaps) - min(gaps) <= 1


def test_a_header_means_the_image_of_its_stamp_or_the_newest():
    buffer = filled(1.0, 1.1, 1.2)
    assert buffer.requested(Header()) is buffer.newest
    stamped = Header(stamp=time_message(round(1.1 * SECOND)))
    assert buffer.requested(stamped).stamp == round(1.1 * SECOND)


def test_a_request_before_the_first_image_is_answered():
    with pytest.raises(ImageNotFoundError, match='none has arrived'):
        filled().requested(Header())


def test_a_request_for_images_of_another_camera_is_refused():
    buffer = filled(1.0)
    buffer.newest.message.header.frame_id = 'camera'
    assert buffer.requested(Header(frame_id='camera')) is buffer.newest
    with pytest.raises(
        ImageNotFoundError, match="in frame 'left', but the images are in 'camera'"
    ):
        buffer.requested(Header(frame_id='left'))
