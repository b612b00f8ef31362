# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The source of the camera's motion that the parameters of a tracker node ask for."""

from sam_tracker.camera_motion.api import CameraMotionSource
from sam_tracker.camera_motion.image_flow import ImageFlow
from sam_tracker.ros.parameters.tracker import TrackerParameters


def camera_motion_source(parameters: TrackerParameters) -> CameraMotionSource | None:
    """Return a source of its own for one session; None: the motion is not measured."""
    return ImageFlow() if parameters.camera_motion.source == 'images' else None
