# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The camera's motion from an inertial measurement unit and the calibration of the camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Imu

from sam_tracker.camera_motion.gyroscope import Gyroscope
from sam_tracker.camera_motion.rotation import rotation_homography, rotation_of
from sam_tracker.ros.camera.camera_topics import CameraTopics
from sam_tracker.ros.messages.stamps import nanoseconds

if TYPE_CHECKING:
    from rclpy.node import Node

    from sam_tracker.core.boxes import Box
    from sam_tracker.core.frame import Frame
    from sam_tracker.ros.parameters.tracker import CameraMotionParameters

LOG_PERIOD = 10.0
"""Seconds between two warnings about what is missing."""
SENSOR = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.BEST_EFFORT
)
NOT_MEASURED = -1.0
"""First number of a covariance that says that the quantity is not there (``sensor_msgs/Imu``)."""


class ImuCameraMotion:
    """
    Measures the turn of the camera; a ``CameraMotionSource``.

    Subscribes to ``imu`` and to the camera_info beside the images. What a camera does besides
    turning is not seen: in the image of what is far away it hardly shows.
    """

    def __init__(self, node: Node, parameters: CameraMotionParameters) -> None:
        """Subscribe; ``close`` ends it."""
        self._node = node
        self._mounting = rotation_of(parameters.imu_roll, parameters.imu_pitch, parameters.imu_yaw)
        self._gyroscope = Gyroscope()
        self._calibration: CameraInfo | None = None
        group = MutuallyExclusiveCallbackGroup()
        info = CameraTopics.of(node).camera_info
        self._subscriptions = [
            node.create_subscription(Imu, 'imu', self._turn, SENSOR, callback_group=group),
            node.create_subscription(
                CameraInfo, info, self._calibrate, SENSOR, callback_group=group
            ),
        ]

    def between(
        self, previous: Frame, frame: Frame, _objects: Sequence[Box]
    ) -> NDArray[np.float64] | None:
        """Implement ``CameraMotionSource``."""
        calibration = self._calibration
        if calibration is None:
            self._warn('there is no calibrated camera_info')
            return None
        if (previous.width, previous.height) != (frame.width, frame.height):
            return None
        turn = self._gyroscope.rotation(previous.stamp, frame.stamp)
        if turn is None:
            self._warn('the imu has no samples for the time of the images')
            return None
        rotation = self._mounting @ turn @ self._mounting.T
        return rotation_homography(_camera_matrix(calibration, frame), rotation)

    def close(self) -> None:
        """End the subscriptions."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _turn(self, message: Imu) -> None:
        if message.angular_velocity_covariance[0] == NOT_MEASURED:
            self._warn('the imu does not measure angular velocities')
            return
        rates = message.angular_velocity
        self._gyroscope.add(
            nanoseconds(message.header.stamp), np.array([rates.x, rates.y, rates.z])
        )

    def _calibrate(self, message: CameraInfo) -> None:
        # By the definition of the message a camera that is not calibrated has zeros in K.
        calibrated = np.isfinite(message.k).all() and min(message.k[0], message.k[4]) > 0
        if calibrated and message.k[8] == 1 and message.width and message.height:
            self._calibration = message

    def _warn(self, reason: str) -> None:
        self._node.get_logger().warning(
            f"the camera's motion is not known: {reason}", throttle_duration_sec=LOG_PERIOD
        )


def _camera_matrix(calibration: CameraInfo, frame: Frame) -> NDArray[np.float64]:
    """Return K for the size of a frame, which may be that of the calibration reduced."""
    matrix = np.array(calibration.k, np.float64).reshape(3, 3)
    # Lengths scale from the corner of the image, half a pixel before the centre of the first.
    matrix[:2, 2] += 0.5
    matrix[0] *= frame.width / calibration.width
    matrix[1] *= frame.height / calibration.height
    matrix[:2, 2] -= 0.5
    return matrix
