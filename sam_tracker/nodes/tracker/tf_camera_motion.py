# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The camera's motion from tf2 and the calibration of the camera, where tf2_ros is installed."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rclpy.time import Time

from sam_tracker.camera_motion.rotation import rotation_of_quaternion
from sam_tracker.nodes.tracker.turn_camera_motion import TurnCameraMotion

try:
    import tf2_ros
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

if TYPE_CHECKING:
    from rclpy.node import Node

FORGET_PAUSE = 1.0
"""Seconds between two times that all transforms are forgotten, so that new ones can come."""


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
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self._newest = 0
        self._set_back = False
        """Whether the clock was set back, and no transform was found since."""
        self._forgotten = -math.inf

    def rotation(self, start: int, end: int, camera: str) -> NDArray[np.float64] | None:
        """Implement ``TurnCameraMotion``."""
        self._set_back |= end < self._newest
        self._newest = end
        before, now = Time(nanoseconds=start), Time(nanoseconds=end)
        try:
            found = self._buffer.lookup_transform_full(
                camera, now, camera, before, self._fixed_frame
            )
        except tf2_ros.TransformException as error:
            self._warn(str(error))
            self._forget_old_clock()
            return None
        self._set_back = False
        turn = found.transform.rotation
        return rotation_of_quaternion(turn.x, turn.y, turn.z, turn.w)

    def close(self) -> None:
        """End the subscriptions."""
        super().close()
        self._listener.unregister()

    def _forget_old_clock(self) -> None:
        """
        Forget all transforms after a clock was set back, as long as none is found.

        tf2 refuses transforms that are much older than the newest one, and one of the old clock
        may come late.
        """
        now = time.monotonic()
        if self._set_back and now - self._forgotten >= FORGET_PAUSE:
            self._forgotten = now
            self._buffer.clear()
