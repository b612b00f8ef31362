# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes of floats and rectangles of whole pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = NDArray[np.float64]
"""[4] x_min, y_min, x_max, y_max; in source images half open, in network pixels inclusive."""


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an image."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def box(self) -> Box:
        """[4] half open."""
        return np.array([self.x, self.y, self.x + self.width, self.y + self.height], np.float64)


def whole_mask(
    region: Region | None, crop: NDArray[np.uint8], width: int, height: int
) -> NDArray[np.bool_]:
    """
    Return a mask [height, width] at the size of its image.

    :param region: where the crop lies, inside the image; None: the mask is empty.
    :param crop: [region.height, region.width], any value but 0 on the object.
    """
    mask = np.zeros((height, width), dtype=np.bool_)
    if region is not None:
        np.not_equal(crop, 0, out=mask[region.slices])
    return mask


def box_iou(boxes: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """
    Return the intersection over union of boxes, pair by pair.

    :param boxes: [..., 4] x_min, y_min, x_max, y_max; widths are differences, so boxes are half
        open, or both as SAMURAI measures them.
    :param others: [..., 4]; the two are broadcast against each other.
    :returns: [...], 0 where either has no extent or a coordinate is NaN.
    """
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=-1)
    union = np.asarray(box_area(boxes) + box_area(others) - shared)
    return np.divide(shared, union, out=np.zeros(union.shape), where=union > 0)


def box_area(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the areas [...] of boxes [..., 4], in square pixels; widths are differences."""
    return np.asarray(np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1, dtype=np.float64))
