# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The camera's motion from tf2 and the calibration of the camera, where tf2_ros is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.quaternion import rotation_of_quaternion
from sam_tracker.nodes.tracker.turn_camera_motion import TurnCameraMotion
from sam_tracker.ros.camera.transforms import TransformError, Transforms

if TYPE_CHECKING:
    from rclpy.node import Node


class TfCameraMotion(TurnCameraMotion):
    """
    Computes the rotation of the camera from its orientations in a fixed frame.

    A transform that comes later than its image is not waited for: the motion up to that image is
    then not known.
    """

    def __init__(self, node: Node, fixed_frame: str) -> None:
        """
        Subscribe; ``close`` ends it.

        :param fixed_frame: id of a frame that does not turn with the camera. tf2_ros must be
            installed.
        """
        super().__init__(node)
        self._fixed_frame = fixed_frame
        self._transforms = Transforms(node)

    def rotation(self, start: int, end: int, camera: str) -> NDArray[np.float64] | None:
        """Implement ``TurnCameraMotion``."""
        self._transforms.follow(end)
        try:
            turn = self._transforms.over_time(camera, start, end, self._fixed_frame).rotation
        except TransformError as error:
            self._warn(str(error))
            self._transforms.missed()
            return None
        return rotation_of_quaternion(turn.x, turn.y, turn.z, turn.w)

    def close(self) -> None:
        """End the subscriptions."""
        super().close()
        self._transforms.close()
