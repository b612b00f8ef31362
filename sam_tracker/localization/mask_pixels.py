# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The pixels of a mask that are measured: a bounded number of them, with their rays."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sam_tracker.core.boxes import Region
    from sam_tracker.localization.camera import Camera

MOST_PIXELS = 5_000
"""Pixels of the mask's rectangle that are read; of a larger one every second, third, ... row."""
EROSION = 3
"""Pixels at the border of a mask whose depth may be mixed with that of the background."""
LEAST_INNER = 0.25
"""Share of a mask that must be left by the erosion; a thinner mask is eroded less."""


@dataclass(frozen=True, eq=False)
class MaskPixels:
    """Sampled pixels of one mask; N of them."""

    rows: NDArray[np.intp]
    """[N] in the image."""
    columns: NDArray[np.intp]
    """[N] in the image."""
    rays: NDArray[np.float64]
    """[N, 2] x / z and y / z in the camera's optical frame."""
    inner: NDArray[np.bool_]
    """[N] whether the pixel is away from the mask's border."""
    step: int
    """Rows and columns from one sample to the next."""

    @property
    def extent(self) -> float:
        """The larger of width and height at depth 1."""
        return float(np.ptp(self.rays, axis=0).max())

    @property
    def centre(self) -> NDArray[np.float64]:
        """[3] the mean ray at depth 1."""
        return np.append(self.rays.mean(0), 1.0)

    @property
    def directions(self) -> NDArray[np.float64]:
        """[N, 3] the rays as unit vectors."""
        rays = np.column_stack((self.rays, np.ones(len(self.rays))))
        unit: NDArray[np.float64] = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        return unit


def mask_pixels(camera: Camera, region: Region, mask: NDArray[np.uint8]) -> MaskPixels | None:
    """
    Sample the pixels of a mask.

    :param region: of the image that ``mask`` covers; inside the image.
    :param mask: [region.height, region.width], any value but 0 on the object.
    :returns: None if no ray of the mask is known, or the mask is empty.
    """
    if not mask.size:
        return None
    step = max(1, math.ceil(math.sqrt(mask.size / MOST_PIXELS)))
    sampled = (slice(step // 2, None, step), slice(step // 2, None, step))
    rows, columns = np.nonzero(mask[sampled])
    inner = _eroded(mask)[sampled][rows, columns] != 0
    rows, columns = (each * step + step // 2 for each in (rows, columns))
    rows, columns = rows + region.y, columns + region.x
    # A sample stands for a block of pixels, whose centre is half a pixel off for an even step.
    centre = (step - 1) / 2 - step // 2
    rays = camera.rays(np.column_stack((columns, rows)).astype(np.float64) + centre)
    known = np.isfinite(rays).all(1)
    if not known.any():
        return None
    return MaskPixels(rows[known], columns[known], rays[known], inner[known], step)


def _eroded(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mask without its border, which is as wide as the size of the mask permits."""
    area = cv2.countNonZero(mask)
    for width in range(EROSION, 0, -1):
        kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
        inner = cv2.erode(mask, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        if cv2.countNonZero(inner) >= LEAST_INNER * area:
            return np.asarray(inner, np.uint8)
    return mask
