# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The turn of a camera comes from tf2, where tf2_ros is installed."""

import math
import time

from geometry_msgs.msg import TransformStamped
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from sam_tracker.core.frame import Frame
from sam_tracker.nodes.tracker.camera_motion import camera_motion_source
from sam_tracker.ros.camera import transforms
from sam_tracker.ros.camera.camera_info import pinhole_camera_info
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.tracker import CameraMotionParameters

from .conftest import lone_node

MILLISECOND = 1_000_000
WIDTH, HEIGHT = 640, 480
RATE = 0.5
"""Radians per second of a turn to the right, about the optical frame's y."""
EXPECTED = pinhole_camera_info(WIDTH, HEIGHT, 60.0).k[0] * math.tan(RATE * 0.033)
BY_TF = CameraMotionParameters(source='tf', fixed_frame='odom')


def frame(stamp):
    return Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), stamp)


class Robot:
    """Publishes transforms and a calibration; its source listens on the same node."""

    def __init__(self, node, executor, message_type):
        self.node, self.executor, self.message_type = node, executor, message_type
        self.transforms = node.create_publisher(message_type, '/tf', 100)
        self.info = node.create_publisher(CameraInfo, 'camera_info', 1)

    def motion(self, source, start):
        """Send until the motion from a millisecond to 33 later is known, a minute at most."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.send(start)
            pair = frame(start * MILLISECOND), frame((start + 33) * MILLISECOND)
            if (motion := source.between(*pair, [])) is not None:
                return motion
        pytest.fail('no motion within a minute')

    def send(self, start):
        calibration = pinhole_camera_info(WIDTH, HEIGHT, 60.0)
        calibration.header.frame_id = 'camera'
        self.info.publish(calibration)
        for stamp in range(start - 100, start + 100, 5):
            turned = TransformStamped(child_frame_id='camera')
            turned.header.frame_id = 'odom'
            turned.header.stamp = time_message(stamp * MILLISECOND)
            turned.transform.translation.x = stamp / 100
            turned.transform.rotation.y = math.sin(RATE * stamp / 2000)
            turned.transform.rotation.w = math.cos(RATE * stamp / 2000)
            self.transforms.publish(self.message_type(transforms=[turned]))
        for _ in range(60):
            self.executor.spin_once(timeout_sec=0.01)


@pytest.fixture
def robot():
    pytest.importorskip('tf2_ros')
    message_type = pytest.importorskip('tf2_msgs.msg').TFMessage
    with lone_node() as (node, executor):
        yield Robot(node, executor, message_type)


@pytest.fixture
def source(robot):
    source = camera_motion_source(robot.node, BY_TF)
    yield source
    source.close()


def shift(motion):
    a, b, w = motion @ [WIDTH / 2, HEIGHT / 2, 1]
    return a / w - WIDTH / 2, b / w - HEIGHT / 2


def test_a_turn_to_the_right_moves_the_image_to_the_left(robot, source):
    np.testing.assert_allclose(shift(robot.motion(source, 2000)), [-EXPECTED, 0], atol=0.01)


def test_a_time_without_transforms_has_no_known_motion(robot, source):
    robot.motion(source, 2000)
    late = frame(5000 * MILLISECOND), frame(5033 * MILLISECOND)
    assert source.between(*late, []) is None


def test_a_clock_that_is_set_back_is_followed(robot, source):
    robot.motion(source, 60_000)
    np.testing.assert_allclose(shift(robot.motion(source, 2000)), [-EXPECTED, 0], atol=0.01)


def test_transforms_that_come_after_the_clock_was_set_back_cost_no_later_images(robot, source):
    robot.motion(source, 60_000)
    robot.motion(source, 2000)
    robot.send(60_000)
    np.testing.assert_allclose(shift(robot.motion(source, 2100)), [-EXPECTED, 0], atol=0.01)


def test_no_fixed_frame_is_refused(robot):
    with pytest.raises(ParameterError, match='fixed_frame'):
        camera_motion_source(robot.node, CameraMotionParameters(source='tf', fixed_frame=''))


@pytest.mark.skipif(transforms.INSTALLED, reason='tf2_ros is installed')
def test_without_tf2_ros_it_is_refused_by_name():
    with pytest.raises(ParameterError, match="'tf' needs tf2_ros, which is not installed"):
        camera_motion_source(None, BY_TF)
