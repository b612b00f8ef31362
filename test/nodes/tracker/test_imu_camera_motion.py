# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The turn of a camera comes from the messages of an imu and of the camera's calibration."""

import math
import time

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Imu, RegionOfInterest

from sam_tracker.core.frame import Frame
from sam_tracker.nodes.tracker.camera_motion import camera_motion_source
from sam_tracker.nodes.tracker.imu_camera_motion import ImuCameraMotion
from sam_tracker.ros.camera.camera_info import pinhole_camera_info
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.ros.parameters.tracker import CameraMotionParameters

from .conftest import lone_node

MILLISECOND = 1_000_000
WIDTH, HEIGHT = 640, 480
RATE = 0.5
"""Radians per second."""


def frame(stamp, width=WIDTH, height=HEIGHT):
    return Frame(np.zeros((height, width, 3), np.uint8), stamp)


FRAMES = frame(1000 * MILLISECOND), frame(1033 * MILLISECOND)


class Robot:
    """Publishes an imu and a calibration; its source listens on the same node."""

    def __init__(self, node, executor):
        self.node, self.executor = node, executor
        self.imu = node.create_publisher(Imu, 'imu', 100)
        self.info = node.create_publisher(CameraInfo, 'camera_info', 1)

    def turn(self, axis, calibration, source, frames=FRAMES, covariance=0.0):
        """Send until the motion between two frames is known, for a minute at most."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.send(axis, calibration, covariance)
            if (motion := source.between(*frames, [])) is not None:
                return motion
        pytest.fail('no motion within a minute')

    def send(self, axis, calibration, covariance=0.0):
        self.info.publish(calibration)
        for stamp in range(900, 1100, 5):
            message = Imu()
            message.header.stamp = time_message(stamp * MILLISECOND)
            setattr(message.angular_velocity, axis, RATE)
            message.angular_velocity_covariance[0] = covariance
            self.imu.publish(message)
        for _ in range(60):
            self.executor.spin_once(timeout_sec=0.01)


@pytest.fixture
def robot():
    with lone_node() as (node, executor):
        yield Robot(node, executor)


@pytest.fixture
def listening(robot):
    """Make sources that are closed at the end."""
    sources = []

    def make(**parameters):
        sources.append(
            camera_motion_source(robot.node, CameraMotionParameters(source='imu', **parameters))
        )
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def moved(motion, x=WIDTH / 2, y=HEIGHT / 2):
    a, b, w = motion @ [x, y, 1]
    return a / w - x, b / w - y


CALIBRATION = pinhole_camera_info(WIDTH, HEIGHT, 60.0)
FOCAL_LENGTH = CALIBRATION.k[0]
EXPECTED = FOCAL_LENGTH * math.tan(RATE * 0.033)


def test_a_turn_to_the_right_moves_the_image_to_the_left(robot, listening):
    motion = robot.turn('y', CALIBRATION, listening())
    np.testing.assert_allclose(moved(motion), [-EXPECTED, 0], atol=1e-3)


def test_an_imu_in_another_frame_is_turned_into_that_of_the_camera(robot, listening):
    # A body frame as of REP 103: x forward, y left, z up; a turn to the left about z.
    source = listening(imu_roll=math.pi / 2, imu_pitch=-math.pi / 2)
    forward = source._mounting @ [1, 0, 0]
    np.testing.assert_allclose(forward, [0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(source._mounting @ [0, 0, 1], [0, -1, 0], atol=1e-9)
    motion = robot.turn('z', CALIBRATION, source)
    np.testing.assert_allclose(moved(motion), [EXPECTED, 0], atol=1e-3)


def test_images_that_are_reduced_move_by_fewer_pixels(robot, listening):
    frames = [frame(each.stamp, WIDTH // 2, HEIGHT // 2) for each in FRAMES]
    motion = robot.turn('y', CALIBRATION, listening(), frames)
    shift = moved(motion, WIDTH / 4, HEIGHT / 4)
    np.testing.assert_allclose(shift, [-EXPECTED / 2, 0], atol=1e-3)


def test_a_region_of_the_sensor_moves_by_as_many_pixels_as_the_whole(robot, listening):
    region = RegionOfInterest(x_offset=200, y_offset=100, width=240, height=280)
    calibration = pinhole_camera_info(WIDTH, HEIGHT, 60.0)
    calibration.roi = region
    frames = [frame(each.stamp, region.width, region.height) for each in FRAMES]
    motion = robot.turn('y', calibration, listening(), frames)
    # The centre of the sensor lies at the middle of the region's columns, and of its rows.
    np.testing.assert_allclose(moved(motion, 120, 140), [-EXPECTED, 0], atol=1e-3)


def test_nothing_is_claimed_without_a_calibration_or_a_gyroscope(robot, listening):
    calibrated, other = listening(), listening()
    blind = CameraInfo(width=WIDTH, height=HEIGHT)
    robot.turn('y', CALIBRATION, calibrated)
    fresh = listening()
    robot.send('y', blind)
    assert fresh.between(*FRAMES, []) is None
    late = frame(5000 * MILLISECOND), frame(5033 * MILLISECOND)
    assert other.between(*late, []) is None
    assert other.between(FRAMES[0], frame(FRAMES[1].stamp, 320, 240), []) is None


def test_an_imu_that_does_not_measure_turns_is_not_taken_for_one_at_rest(robot, listening):
    source = listening()
    source._calibrate(CALIBRATION)
    message = Imu()
    message.angular_velocity_covariance[0] = -1.0
    for stamp in range(900, 1100, 5):
        message.header.stamp = time_message(stamp * MILLISECOND)
        source._turn(message)
    assert source.between(*FRAMES, []) is None


def test_the_parameter_chooses_the_source(robot):
    assert camera_motion_source(robot.node, CameraMotionParameters(source='off')) is None
    source = camera_motion_source(robot.node, CameraMotionParameters(source='imu'))
    assert isinstance(source, ImuCameraMotion)
    before = len(list(robot.node.subscriptions))
    source.close()
    assert len(list(robot.node.subscriptions)) == before - 2
