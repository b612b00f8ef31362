# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The motion models by name; a new one is a file and a line here."""

from functools import partial

from sam_tracker.tracking.motion.api import MotionModel
from sam_tracker.tracking.motion.camera_aware import CameraAwareBox
from sam_tracker.tracking.motion.kalman_box import KalmanBox
from sam_tracker.tracking.motion.parametrisation import AspectHeight, WidthHeight

MOTION_MODELS: dict[str, MotionModel] = {
    'kalman_width_height': MotionModel(partial(CameraAwareBox.start, WidthHeight())),
    'kalman_aspect_height': MotionModel(partial(CameraAwareBox.start, AspectHeight())),
    'samurai_released': MotionModel(
        partial(KalmanBox.start, AspectHeight()), learns_from_empty_masks=True
    ),
}
