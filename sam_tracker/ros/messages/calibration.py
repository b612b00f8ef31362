# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of sensor_msgs/CameraInfo to a camera."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
    matrix = np.array(message.p).reshape(3, 4)[:, :3] if rectified else np.array(message.k)
    size, reduced = image_intrinsics(message, matrix)
    model, distortion = ('', []) if rectified else (message.distortion_model, message.d)
    return Camera.of(size, reduced, model, distortion)


def image_intrinsics(
    message: 'CameraInfo', matrix: NDArray[np.float64]
) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """
    Return size and intrinsic matrix of the images that a camera sends.

    A calibration describes the whole sensor; a region of interest shifts the pixels that are sent,
    and binning merges neighbours to one (REP 104).

    :param matrix: the nine numbers of the intrinsic matrix, without region and binning.
    :returns: width and height in pixels, and [3, 3] the intrinsic matrix.
    """
    k = np.array(matrix, np.float64).reshape(3, 3)
    binning = np.array([max(message.binning_x, 1), max(message.binning_y, 1)])
    roi = message.roi
    size = np.array([roi.width or message.width, roi.height or message.height]) // binning
    # Binned pixels count from the corner of the region. Whole numbers are centres of pixels: the
    # first binned one lies between those it merges, which image_geometry's formula leaves out.
    corner = np.array([roi.x_offset, roi.y_offset])
    k[:2, 2] = (k[:2, 2] + 0.5 - corner) / binning - 0.5
    k[:2, :2] /= binning[:, None]
    return (int(size[0]), int(size[1])), k
