# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The camera's motion from its rotation and its calibration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from sam_tracker.camera_motion.rotation import rotation_homography
from sam_tracker.ros.camera.camera_topics import CameraTopics
from sam_tracker.ros.messages.calibration import image_intrinsics

if TYPE_CHECKING:
    from rclpy.node import Node

    from sam_tracker.core.boxes import Box
    from sam_tracker.core.frame import Frame

LOG_PERIOD = 10.0
"""Seconds between two warnings about what is missing."""
SENSOR = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.BEST_EFFORT
)


class TurnCameraMotion(ABC):
    """
    A ``CameraMotionSource`` for rotations of the camera, which a subclass measures.

    Subscribes to the camera_info beside the images. Translation of the camera is not compensated;
    it hardly moves distant objects in the image.
    """

    def __init__(self, node: Node) -> None:
        """Subscribe; ``close`` ends it."""
        self._node = node
        self._calibration: CameraInfo | None = None
        self._group = MutuallyExclusiveCallbackGroup()
        info = CameraTopics.of(node).camera_info
        self._subscriptions = [
            node.create_subscription(
                CameraInfo, info, self._calibrate, SENSOR, callback_group=self._group
            ),
        ]

    @abstractmethod
    def rotation(self, start: int, end: int, camera: str) -> NDArray[np.float64] | None:
        """
        Return the rotation from directions in the camera's frame at one stamp to those at another.

        :param start: nanoseconds.
        :param end: nanoseconds, not before ``start``.
        :param camera: id of the camera's optical frame.
        :returns: [3, 3]; None, after a warning, where it is not known.
        """

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
        rotation = self.rotation(previous.stamp, frame.stamp, calibration.header.frame_id)
        if rotation is None:
            return None
        return rotation_homography(_camera_matrix(calibration, frame), rotation)

    def close(self) -> None:
        """End the subscriptions."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _calibrate(self, message: CameraInfo) -> None:
        # By the definition of the message a camera that is not calibrated has zeros in K.
        calibrated = np.isfinite(message.k).all() and min(message.k[0], message.k[4]) > 0
        size, _ = image_intrinsics(message, np.array(message.k))
        if calibrated and message.k[8] == 1 and min(size) > 0:
            self._calibration = message

    def _warn(self, reason: str) -> None:
        self._node.get_logger().warning(
            f"the camera's motion is not known: {reason}", throttle_duration_sec=LOG_PERIOD
        )


def _camera_matrix(calibration: CameraInfo, frame: Frame) -> NDArray[np.float64]:
    """Return K for the size of a frame, which may be that of the camera's images reduced."""
    (width, height), matrix = image_intrinsics(calibration, np.array(calibration.k))
    # Lengths scale from the corner of the image, half a pixel before the centre of the first.
    matrix[:2, 2] += 0.5
    matrix[0] *= frame.width / width
    matrix[1] *= frame.height / height
    matrix[:2, 2] -= 0.5
    return matrix
