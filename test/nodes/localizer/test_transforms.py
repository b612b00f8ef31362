# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The localizer with tf2_ros: a frame of choice, and transforms that come late or never."""

from functools import partial

from geometry_msgs.msg import TransformStamped
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile

from sam_tracker.core.time import SECOND
from sam_tracker.ros.messages.stamps import nanoseconds, time_message

from .conftest import DISTANCE, LOCALIZER, PERIOD, depth

pytest.importorskip('tf2_ros')
TFMessage = pytest.importorskip('tf2_msgs.msg').TFMessage

CAMERA = 'camera_optical_frame'


class Transforms:
    """Says where the camera is in `odom`: 1 m above the origin, looking along x."""

    def __init__(self, robot) -> None:
        self.robot = robot
        node = robot.listener.node
        lasting = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.moving = node.create_publisher(TFMessage, '/tf', 10)
        self.static = node.create_publisher(TFMessage, '/tf_static', lasting)
        static = TransformStamped(child_frame_id=CAMERA)
        static.header.frame_id = 'base_link'
        rotation = static.transform.rotation
        rotation.x, rotation.y, rotation.z, rotation.w = -0.5, 0.5, -0.5, 0.5
        static.transform.translation.z = 1.0
        self.static.publish(TFMessage(transforms=[static]))

    def send(self, images_ago: int = 0) -> None:
        """Send the place of the robot, which drives along x by 1 m per image."""
        number = self.robot.number - images_ago
        place = TransformStamped(child_frame_id='base_link')
        place.header.frame_id = 'odom'
        place.header.stamp = time_message(SECOND + number * PERIOD)
        place.transform.translation.x = float(number)
        place.transform.rotation.w = 1.0
        self.moving.publish(TFMessage(transforms=[place]))


@pytest.fixture
def transforms(robot) -> Transforms:
    return Transforms(robot)


def send(robot, transforms: Transforms | None = None, images_ago: int = 0) -> None:
    robot.send_depth(depth())
    robot.send_tracks()
    if transforms is not None:
        transforms.send(images_ago)


@pytest.mark.parametrize('images_late', [0, 2])
def test_objects_are_in_the_frame_of_choice_also_when_transforms_come_late(
    robot, transforms, start, images_late
):
    start(LOCALIZER, target_frame='odom', transform_patience=10.0)
    robot.wait_for_the_localizer()
    robot.play_until(
        lambda: len(robot.with_depth()) >= 5,
        'places',
        partial(send, robot, transforms, images_late),
    )
    for message in robot.with_depth():
        assert message.header.frame_id == 'odom'
        stamp = message.header.stamp
        number = round((stamp.sec + stamp.nanosec / 1e9 - 1) * SECOND / PERIOD)
        position = message.tracks[0].pose.pose.position
        assert (position.x, position.y, position.z) == pytest.approx(
            (number + DISTANCE, 0.0, 1.0), abs=0.01
        )


def test_images_whose_transform_does_not_come_are_given_up_and_named(robot, transforms, start):
    start(LOCALIZER, target_frame='odom')
    robot.wait_for_the_localizer()
    robot.play_until(robot.with_depth, 'places', partial(send, robot, transforms))
    robot.play_until(
        lambda: robot.problem(f"no transform from '{CAMERA}' to 'odom'"),
        'the warning',
        partial(send, robot),
    )
    robot.places.clear()
    robot.play_until(robot.with_depth, 'places again', partial(send, robot, transforms))


def set_the_clock_back(robot, transforms, start):
    """Start the localizer and play until it places, then begin with the first image again."""
    start(LOCALIZER, target_frame='odom')
    robot.number = 1000
    robot.wait_for_the_localizer()
    robot.play_until(robot.with_depth, 'places', partial(send, robot, transforms))
    robot.number = 0
    robot.places.clear()


def test_a_clock_that_is_set_back_costs_no_more_than_the_images_on_their_way(
    robot, transforms, start
):
    set_the_clock_back(robot, transforms, start)
    robot.play_until(
        lambda: any(each.header.stamp.sec < 100 for each in robot.with_depth()),
        'places after the jump',
        partial(send, robot, transforms),
    )


def test_transforms_that_come_after_the_clock_was_set_back_cost_no_later_images(
    robot, transforms, start
):
    set_the_clock_back(robot, transforms, start)

    def send_some_late() -> None:
        send(robot, transforms)
        if robot.number < 10:
            transforms.send(images_ago=-1000)

    robot.play_until(
        lambda: any(
            SECOND < nanoseconds(each.header.stamp) - 10 * PERIOD < 900 * PERIOD
            for each in robot.with_depth()
        ),
        'places after the late transforms',
        send_some_late,
    )


def test_frames_of_objects_are_broadcast(robot, transforms, start):
    heard = robot.listener.listen(TFMessage, '/tf')
    start(LOCALIZER, broadcast_frames=True)
    robot.wait_for_the_localizer()

    def frames() -> list[TransformStamped]:
        return [
            transform
            for message in heard
            for transform in message.transforms
            if transform.child_frame_id == 'object_7'
        ]

    robot.play_until(frames, 'the frame of the object', partial(send, robot))
    frame = frames()[0]
    assert frame.header.frame_id == CAMERA
    assert frame.transform.translation.z == pytest.approx(DISTANCE, abs=0.01)
