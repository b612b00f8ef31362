# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Appearance of an object: a histogram of its colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box, Region

Histogram = NDArray[np.float64]
"""[64] shares of the colours of an object; the sum is 1."""

SAMPLES = 32
"""Rows and columns that are sampled from an object at most."""
CORE = 0.7
"""Diameter of the ellipse that stands for the object in a box, as a share of the box."""


def of_mask(image: NDArray[np.uint8], region: Region, crop: NDArray[np.uint8]) -> Histogram | None:
    """
    Return the colours of a mask; None: no pixel was sampled.

    :param image: [H, W, 3] RGB.
    :param region: of the image, that the crop covers.
    :param crop: [region.height, region.width], any value but 0 on the object.
    """
    rows, columns = _sampled(region)
    pixels = image[region.slices][rows[:, None], columns]
    return _histogram(pixels[crop[rows[:, None], columns] != 0])


def of_box(image: NDArray[np.uint8], box: Box) -> Histogram | None:
    """
    Return the colours in the middle of a box; None: it lies outside the image.

    :param image: [H, W, 3] RGB.
    :param box: [4] half open, in pixels.
    """
    height, width = image.shape[:2]
    centre, radius = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * (CORE / 2)
    low = np.clip(np.floor(centre - radius), 0, (width, height)).astype(np.int64)
    high = np.clip(np.ceil(centre + radius), 0, (width, height)).astype(np.int64)
    if (high <= low).any():
        return None
    region = Region(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
    rows, columns = _sampled(region)
    across = (region.x + columns + 0.5 - centre[0]) / radius[0]
    down = (region.y + rows + 0.5 - centre[1]) / radius[1]
    inside = across**2 + down[:, None] ** 2 <= 1
    return _histogram(image[region.slices][rows[:, None], columns][inside])


def similarity(one: Histogram, other: Histogram) -> float:
    """Return the Bhattacharyya coefficient of two histograms, 0 (no colour shared) to 1."""
    return float(np.sqrt(one * other).sum())


def _sampled(region: Region) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of a region, evenly spread."""
    return (
        np.unique(np.linspace(0, region.height - 1, SAMPLES).astype(np.int64)),
        np.unique(np.linspace(0, region.width - 1, SAMPLES).astype(np.int64)),
    )


def _histogram(pixels: NDArray[np.uint8]) -> Histogram | None:
    """Count pixels [K, 3] by the two highest bits of each channel."""
    if not len(pixels):
        return None
    high = (pixels >> 6).astype(np.int64)
    counts = np.bincount(high[:, 0] * 16 + high[:, 1] * 4 + high[:, 2], minlength=64)
    return counts / counts.sum()
