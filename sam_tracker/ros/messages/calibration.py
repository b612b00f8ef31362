# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of sensor_msgs/CameraInfo to a camera."""

from typing import TYPE_CHECKING

import numpy as np

from sam_tracker.localization.camera import Camera

if TYPE_CHECKING:
    from sensor_msgs.msg import CameraInfo


def calibrated_camera(message: 'CameraInfo', *, rectified: bool) -> Camera:
    """
    Return the camera of the images that a calibration belongs to.

    :param rectified: whether the images are rectified: ``p`` is used, without distortion, instead
        of ``k`` and ``d``.
    :raises CameraError: the calibration cannot be used; the text names the value.
    """
    k = np.array(message.p).reshape(3, 4)[:, :3] if rectified else np.array(message.k)
    k = k.reshape(3, 3).astype(np.float64)
    binning = np.array([max(message.binning_x, 1), max(message.binning_y, 1)])
    roi = message.roi
    size = np.array([roi.width or message.width, roi.height or message.height]) // binning
    # Binned pixels count from the corner of the region; whole numbers are centres of pixels.
    corner = np.array([roi.x_offset, roi.y_offset])
    k[:2, 2] = (k[:2, 2] + 0.5 - corner) / binning - 0.5
    k[:2, :2] /= binning[:, None]
    model, distortion = ('', []) if rectified else (message.distortion_model, message.d)
    return Camera.of((int(size[0]), int(size[1])), k, model, distortion)
