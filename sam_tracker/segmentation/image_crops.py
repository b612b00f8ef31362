# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Where to look when everything is asked for: parts of the image, and points in each of them."""

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region


@dataclass(frozen=True)
class ImageCrop:
    """A part of an image that is looked at as if it were one."""

    region: Region
    layer: int
    """0: the whole image; l: one of 2^l by 2^l parts."""


def image_crops(width: int, height: int, layers: int, overlap: float) -> list[ImageCrop]:
    """
    Cut an image into overlapping crops, whole image first.

    :param layers: how many layers of crops there are beside the whole image; layer l has 2^l
        crops to each side, evenly spread.
    :param overlap: of neighbours in the first layer, as a share of the image's short side; in
        later layers, as the crops, half of that before.
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
    Spread points over an image, each in the middle of its share of it.

    :returns: [points_per_side ** 2, 2] x and y in pixels, row by row.
    """
    share = (np.arange(points_per_side) + 0.5) / points_per_side
    return np.stack(np.meshgrid(share * width, share * height), axis=-1).reshape(-1, 2)


def _parts(length: int, count: int, shared: int) -> list[tuple[int, int]]:
    """Cut a length into parts that share about so many pixels; their starts and lengths."""
    part = min(math.ceil((length + shared * (count - 1)) / count), length)
    return [(index * (length - part) // max(count - 1, 1), part) for index in range(count)]
