# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A calibrated camera: which ray each pixel sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

FISHEYE = 'equidistant'
"""The distortion model that OpenCV's fisheye module implements."""
BROWN_COEFFICIENTS = (0, 4, 5, 8, 12, 14)
"""Numbers of coefficients of OpenCV's perspective model, from none to a tilted sensor."""
BROWN_MODELS = ('', 'plumb_bob', 'rational_polynomial', 'thin_prism')
"""Names of that model in sensor_msgs/CameraInfo, by the coefficients that are meant to be used."""


class CameraError(ValueError):
    """An unusable calibration; the text names the value."""


@dataclass(frozen=True, eq=False)
class Camera:
    """
    The intrinsics of one camera.

    Coordinates are those of its optical frame (REP 103): x right, y down, z forward, in metres.
    """

    width: int
    height: int
    matrix: NDArray[np.float64]
    """[3, 3] the intrinsic matrix; the centre of the top left pixel is (0, 0)."""
    model: str = ''
    """Name of the distortion model, as in sensor_msgs/CameraInfo."""
    distortion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """[N] its coefficients, in OpenCV's order; none, or all zero: no distortion."""

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        matrix: Sequence[float] | NDArray[np.float64],
        model: str,
        distortion: Sequence[float] | NDArray[np.float64],
    ) -> Camera:
        """
        Check a calibration.

        :param size: width and height of the images, in pixels.
        :param matrix: the nine numbers of the intrinsic matrix, row by row.
        :param model: as ``model``.
        :param distortion: as ``distortion``.
        :raises CameraError: a number is not finite, a focal length is not positive, or the model
            is unknown or has another number of coefficients.
        """
        k = np.asarray(matrix, np.float64).reshape(3, 3)
        d = np.asarray(distortion, np.float64).reshape(-1)
        for name, values in (('intrinsic matrix', k), ('distortion', d)):
            if not np.isfinite(values).all():
                raise CameraError(f'the {name} is not finite: {values.reshape(-1).tolist()}')
        if not (k[0, 0] > 0 and k[1, 1] > 0):
            raise CameraError(
                f'the focal lengths must be positive, not {k[0, 0]:g} and {k[1, 1]:g}: the camera '
                'is not calibrated'
            )
        if model == FISHEYE:
            allowed: tuple[int, ...] = (0, 4)
        elif model in BROWN_MODELS:
            allowed = BROWN_COEFFICIENTS
        else:
            known = ', '.join(filter(None, (*BROWN_MODELS, FISHEYE)))
            raise CameraError(f'unknown distortion model {model!r}; known are {known}')
        if len(d) not in allowed:
            raise CameraError(
                f'distortion model {model!r} has {" or ".join(map(str, allowed))} coefficients, '
                f'not {len(d)}'
            )
        return cls(*size, k, model, d)

    @property
    def pixel_angle(self) -> float:
        """About the angle that one pixel at the centre of the image spans, in radians."""
        return float(2 / (self.matrix[0, 0] + self.matrix[1, 1]))

    def rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Return where the rays of pixels meet the plane z = 1.

        :param pixels: [N, 2] x and y; the centre of the top left pixel is (0, 0).
        :returns: [N, 2] x / z and y / z; NaN where the distortion cannot be inverted.
        """
        if not len(pixels):
            return np.zeros((0, 2))
        if not self.distortion.any():
            return np.asarray(
                cv2.undistortPoints(pixels[:, None], self.matrix, np.zeros(4)), np.float64
            )[:, 0]
        if self.model == FISHEYE:
            rays = cv2.fisheye.undistortPoints(pixels[:, None], self.matrix, self.distortion)
        else:
            rays = cv2.undistortPoints(pixels[:, None], self.matrix, self.distortion)
        found = np.asarray(rays, np.float64)[:, 0]
        # OpenCV's value for a point of a fisheye image whose angle was not found.
        found[(np.abs(found) > 1e5).any(1)] = np.nan
        return found
