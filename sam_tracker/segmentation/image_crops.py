# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Crops of an image and grids of points, for automatic mask generation."""

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region


@dataclass(frozen=True)
class ImageCrop:
    """A part of an image that is segmented like an image."""

    region: Region
    layer: int
    """0: the whole image; l: one of 2^l by 2^l parts."""


def image_crops(width: int, height: int, layers: int, overlap: float) -> list[ImageCrop]:
    """
    Cut an image into overlapping crops.

    :param layers: layers of crops in addition to the whole image; layer l has 2^l by 2^l evenly
        spaced crops.
    :param overlap: of neighbours in the first layer, as a share of the image's short side; each
        further layer has half the overlap.
    :returns: the whole image, then the crops layer by layer.
    """
    crops = []
    for layer in range(layers + 1):
        count = 2**layer
        shared = int(overlap * min(width, height) * 2 / count) if layer else 0
        columns, rows = (_parts(length, count, shared) for length in (width, height))
        crops += [
            ImageCrop(Region(x, y, crop_width, crop_height), layer)
            for y, crop_height in rows
            for x, crop_width in columns
        ]
    return crops


def point_grid(width: int, height: int, points_per_side: int) -> NDArray[np.float64]:
    """
    Spread points evenly over an image, each at the centre of a cell of the grid.

    :returns: [points_per_side ** 2, 2] x and y in pixels, row by row.
    """
    share = (np.arange(points_per_side) + 0.5) / points_per_side
    return np.stack(np.meshgrid(share * width, share * height), axis=-1).reshape(-1, 2)


def _parts(length: int, count: int, shared: int) -> list[tuple[int, int]]:
    """Cut a length into parts that overlap by about ``shared``; return starts and lengths."""
    part = min(math.ceil((length + shared * (count - 1)) / count), length)
    return [(index * (length - part) // max(count - 1, 1), part) for index in range(count)]
