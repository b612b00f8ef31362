# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The camera's motion from an inertial measurement unit and the calibration of the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Imu

from sam_tracker.camera_motion.gyroscope import Gyroscope
from sam_tracker.camera_motion.rotation import rotation_of
from sam_tracker.nodes.tracker.turn_camera_motion import SENSOR, TurnCameraMotion
from sam_tracker.ros.messages.stamps import nanoseconds

if TYPE_CHECKING:
    from rclpy.node import Node

    from sam_tracker.ros.parameters.tracker import CameraMotionParameters

NOT_MEASURED = -1.0
"""First number of a covariance that says that the quantity is not there (``sensor_msgs/Imu``)."""


class ImuCameraMotion(TurnCameraMotion):
    """Integrates the angular velocities on the topic ``imu``."""

    def __init__(self, node: Node, parameters: CameraMotionParameters) -> None:
        """Subscribe; ``close`` ends it."""
        super().__init__(node)
        self._mounting = rotation_of(parameters.imu_roll, parameters.imu_pitch, parameters.imu_yaw)
        self._gyroscope = Gyroscope()
        self._subscriptions.append(
            node.create_subscription(Imu, 'imu', self._turn, SENSOR, callback_group=self._group)
        )

    def rotation(self, start: int, end: int, _camera: str) -> NDArray[np.float64] | None:
        """Implement ``TurnCameraMotion``."""
        turn = self._gyroscope.rotation(start, end)
        if turn is None:
            self._warn('the imu has no samples for the time of the images')
            return None
        return np.asarray(self._mounting @ turn @ self._mounting.T)

    def _turn(self, message: Imu) -> None:
        if message.angular_velocity_covariance[0] == NOT_MEASURED:
            self._warn('the imu does not measure angular velocities')
            return
        rates = message.angular_velocity
        self._gyroscope.add(
            nanoseconds(message.header.stamp), np.array([rates.x, rates.y, rates.z])
        )
