# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The source of the camera's motion that the parameters of a tracker node ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam_tracker.camera_motion.image_flow import ImageFlow
from sam_tracker.nodes.tracker.imu_camera_motion import ImuCameraMotion
from sam_tracker.nodes.tracker.tf_camera_motion import TfCameraMotion
from sam_tracker.ros.camera import transforms
from sam_tracker.ros.parameters.declaration import ParameterError

if TYPE_CHECKING:
    from rclpy.node import Node

    from sam_tracker.camera_motion.api import CameraMotionSource
    from sam_tracker.ros.parameters.tracker import CameraMotionParameters


def camera_motion_source(
    node: Node, parameters: CameraMotionParameters
) -> CameraMotionSource | None:
    """
    Return a source of its own for one session; None: the motion is not measured.

    :raises ParameterError: the source needs tf2_ros, which is not installed, or a fixed frame.
    """
    if parameters.source == 'imu':
        return ImuCameraMotion(node, parameters)
    if parameters.source == 'tf':
        if not transforms.INSTALLED:
            raise ParameterError("camera_motion.source 'tf' needs tf2_ros, which is not installed")
        if not parameters.fixed_frame:
            raise ParameterError("camera_motion.source 'tf' needs a camera_motion.fixed_frame")
        return TfCameraMotion(node, parameters.fixed_frame)
    return ImageFlow() if parameters.source == 'images' else None
