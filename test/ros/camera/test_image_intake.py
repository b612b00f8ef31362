# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images as they arrive: stamped, ordered, counted, kept."""

import time

from hypothesis import given, strategies
import numpy as np
import pytest
from rclpy.logging import get_logger
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.image_intake import ImageIntake
from sam_tracker.ros.camera.image_statistics import Drop
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import time_message


def message(stamp: int) -> Image:
    return Image(header=Header(stamp=time_message(stamp)))


@pytest.fixture
def buffer() -> ImageBuffer:
    return ImageBuffer(100.0, 100)


@pytest.fixture
def intake(buffer) -> ImageIntake:
    return ImageIntake(buffer, get_logger('intake_under_test'))


def test_images_in_order_are_kept_under_their_stamps(intake, buffer):
    for second in (1, 2, 3):
        image = intake.receive(message(second * SECOND))
        assert image.stamp == second * SECOND
        assert buffer.newest is image
    assert len(buffer) == 3


def test_an_image_with_an_endless_frame_id_is_dropped(intake, buffer):
    endless = message(5 * SECOND)
    endless.header.frame_id = 'x' * 1_000_000
    assert intake.receive(endless) is None
    assert intake.receive(message(4 * SECOND)) is buffer.newest  # its stamp counts for nothing
    assert intake.statistics.report(time.monotonic_ns()).dropped == {Drop.UNREADABLE: 1}


def test_repeated_and_late_images_are_counted_and_not_kept(intake, buffer):
    intake.receive(message(5 * SECOND))
    assert intake.receive(message(5 * SECOND)) is None
    assert intake.receive(message(5 * SECOND - 1)) is None
    assert len(buffer) == 1
    report = intake.statistics.report(time.monotonic_ns())
    assert report.received == 3
    assert report.dropped == {Drop.REPEATED: 1, Drop.OUT_OF_ORDER: 1}


def test_after_a_jump_back_only_newer_images_are_kept_and_come_after_the_earlier_ones(
    intake, buffer
):
    before = intake.receive(message(60 * SECOND))
    after = intake.receive(message(2 * SECOND))
    assert after.is_after(before)
    assert not before.is_after(after)
    assert buffer.newest is after
    assert len(buffer) == 1
    assert intake.clock_jumps == 1
    assert intake.seconds_since_clock_jump < 10.0


def test_images_of_one_stamp_in_two_rounds_of_a_bag_have_different_stamps_and_both_are_found(
    intake, buffer
):
    first = intake.receive(message(10 * SECOND))
    intake.receive(message(60 * SECOND))
    again = intake.receive(message(10 * SECOND))
    assert again.stamp != first.stamp
    assert buffer.at(10 * SECOND) is again


def test_images_without_a_stamp_are_all_accepted_in_the_order_of_their_arrival(intake, buffer):
    images = [intake.receive(Image()) for _ in range(5)]
    stamps = [image.stamp for image in images]
    assert stamps == sorted(set(stamps))
    assert abs(stamps[-1] - time.time_ns()) < 60 * SECOND


@given(stamps=strategies.lists(strategies.integers(1, 6 * SECOND), max_size=40))
def test_every_image_is_accepted_or_counted_as_dropped(stamps):
    intake = ImageIntake(ImageBuffer(100.0, 100), get_logger('intake_under_test'))
    accepted = [intake.receive(message(stamp)) for stamp in stamps]
    report = intake.statistics.report(time.monotonic_ns())
    assert report.received == report.published == len(stamps)
    assert sum(report.dropped.values()) == accepted.count(None)


def test_the_range_of_sixteen_bits_is_that_of_the_camera_not_of_the_image():
    intake = ImageIntake(ImageBuffer(100.0, 100), get_logger('intake_under_test'), DynamicRange())

    def received(stamp: int, values: np.ndarray) -> np.ndarray:
        header = Header()
        header.stamp.sec = stamp
        return intake.receive(image_message(values, 'mono16', header)).rgb()

    ramp = np.tile(np.linspace(1000, 2000, 64).astype(np.uint16), (48, 1))
    assert np.ptp(received(1, ramp)) > 250
    narrow = np.tile(np.linspace(1400, 1600, 64).astype(np.uint16), (48, 1))
    assert np.ptp(received(2, narrow)) < 80
