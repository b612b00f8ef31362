# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tracked objects on one image, as needed to match detections with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import enum

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region

CELLS = 16
"""Rows and columns of the grid that stands for a mask."""


class Sight(enum.IntEnum):
    """Whether an object is seen, and where it would be."""

    SEEN = 1
    """Its box is that of its mask."""
    HIDDEN = 2
    """Its box is the one that the motion model predicts."""
    LOST = 3
    """There is no box."""


@dataclass(frozen=True, eq=False)
class TrackedObjects:
    """M objects on one image."""

    stamp: int
    """Of the image, in nanoseconds."""
    ids: tuple[int, ...]
    labels: tuple[str, ...]
    sight: NDArray[np.int64]
    """[M] values of ``Sight``."""
    boxes: NDArray[np.float64]
    """[M, 4] half open boxes in pixels of the image; NaN for a LOST object."""
    masks: NDArray[np.float64]
    """[M, CELLS + 1, CELLS + 1] shares of each mask above and left of a grid over its box."""

    def __len__(self) -> int:
        return len(self.ids)


def mask_share_table(region: Region | None, crop: NDArray[np.uint8]) -> NDArray[np.float64]:
    """
    Return the share of a mask above and left of each node of a grid over its box.

    :param region: the box; None: an empty mask, whose shares are those of a filled box.
    :param crop: [region.height, region.width], any value but 0 on the object.
    :returns: [CELLS + 1, CELLS + 1], from 0 to 1 in the last node.
    """
    table = np.zeros((CELLS + 1, CELLS + 1))
    cells = np.ones((CELLS, CELLS))
    if region is not None:
        # Large masks are sampled: the centres of the cells stand for them.
        rows = ((np.arange(CELLS) + 0.5) * region.height / CELLS).astype(np.int64)
        columns = ((np.arange(CELLS) + 0.5) * region.width / CELLS).astype(np.int64)
        sampled = crop[rows[:, None], columns] != 0
        if sampled.any():
            cells = sampled.astype(np.float64)
    cells.cumsum(0).cumsum(1, out=table[1:, 1:])
    return table / table[-1, -1]


def mask_shares(
    objects: TrackedObjects, rows: NDArray[np.intp], boxes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Return the share of an object's mask that lies inside a box, for P pairs of both.

    :param rows: [P] of the objects, which have a box.
    :param boxes: [P, 4] half open boxes in pixels of the image.
    :returns: [P] from 0 to 1.
    """
    low, high = objects.boxes[rows, :2], objects.boxes[rows, 2:]
    scale = CELLS / np.maximum(high - low, 1e-9)
    left, top = np.clip((boxes[:, :2] - low) * scale, 0, CELLS).T
    right, bottom = np.clip((boxes[:, 2:] - low) * scale, 0, CELLS).T
    corners = _interpolated(
        objects.masks[rows],
        np.stack((bottom, top, bottom, top)),
        np.stack((right, right, left, left)),
    )
    shares = corners[0] - corners[1] - corners[2] + corners[3]
    return np.clip(shares, 0.0, 1.0)


def same_labels(labels: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """Return [M, N] whether two labels are equal or either is empty."""
    numbers = {'': 0}
    ours, theirs = (
        np.array([numbers.setdefault(each, len(numbers)) for each in part], np.int64)
        for part in (labels, others)
    )
    ours = ours[:, None]
    return np.asarray((ours == theirs) | (ours == 0) | (theirs == 0))


def _interpolated(
    tables: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Read tables [P, k, k] at places [..., P] between their nodes."""
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    bottom, right = np.minimum(top + 1, CELLS), np.minimum(left + 1, CELLS)
    down, across = rows - top, columns - left
    which = np.arange(len(tables))
    above = tables[which, top, left] * (1 - across) + tables[which, top, right] * across
    below = tables[which, bottom, left] * (1 - across) + tables[which, bottom, right] * across
    return np.asarray(above * (1 - down) + below * down)
