# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The shapes of the candidate masks of one object, packed for the transfer to the host."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

_BITS = 16
"""Cells in one number: as many as float32 holds exactly, with room to spare."""


@dataclass(frozen=True, eq=False)
class CandidateShapes:
    """Which cells of their logits the C candidate masks of one object cover."""

    packed: NDArray[np.uint16]
    """[C, s, W] from ``packed_shapes``."""
    chosen: int
    """Index of the mask that was chosen."""
    cell_area: float
    """Area of one cell, in pixels of the source image."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[s, s], the mask that was chosen."""
        return self._mask(self.chosen)

    def without(self, parts: NDArray[np.bool_]) -> CandidateShapes:
        """Return the shapes without cells [s, s] of the chosen mask."""
        octets = np.packbits(self.mask & ~parts, axis=1, bitorder='little')
        packed = self.packed.copy()
        row = np.zeros((len(parts), 2 * packed.shape[-1]), np.uint8)
        row[:, : octets.shape[1]] = octets
        packed[self.chosen] = row.view('<u2')
        return replace(self, packed=packed)

    @property
    def area(self) -> float:
        """Area of the chosen mask, in pixels of the source image."""
        return float(np.count_nonzero(self._mask(self.chosen))) * self.cell_area

    @property
    def box_agreement(self) -> float:
        """
        How far the other candidates agree with the box of the chosen mask, 0 to 1.

        The largest 8-connected part that another candidate has outside the chosen mask is added
        to it. Returned is the least IoU of the box before and the box after, over all others: low
        where one of them shows something beside the object. 1 if none adds anything.
        """
        chosen = self._mask(self.chosen)
        if not chosen.any():
            return 1.0
        agreement, before = 1.0, _extent(chosen)
        for index in range(len(self.packed)):
            if index == self.chosen:
                continue
            part = _largest_part(self._mask(index) & ~chosen)
            if part is None:
                continue
            x_min, y_min = np.minimum(before[:2], part[:2])
            x_max, y_max = np.maximum(before[2:], part[2:])
            # One box lies in the other.
            agreement = min(agreement, _area(before) / float((x_max - x_min) * (y_max - y_min)))
        return agreement

    def _mask(self, index: int) -> NDArray[np.bool_]:
        """[s, s]."""
        rows = self.packed[index]
        octets = rows.astype('<u2').view(np.uint8)
        return np.unpackbits(octets, axis=1, bitorder='little', count=len(rows)).astype(np.bool_)


def packed_shapes(mask_logits: Tensor) -> Tensor:
    """
    Pack which cells are above 0, on the device.

    :param mask_logits: [O, C, s, s].
    :returns: [O, C, s, W] float32, whole numbers of 16 cells of a row each, the last one padded.
    """
    cells = (mask_logits > 0).to(torch.int32)
    cells = torch.nn.functional.pad(cells, (0, -cells.shape[-1] % _BITS))
    places = torch.arange(_BITS, dtype=torch.int32, device=cells.device)
    return (cells.unflatten(-1, (-1, _BITS)) << places).sum(-1).float()


def _extent(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[4] half-open box of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """[4] half-open box of the largest 8-connected part of a mask; None if it is empty."""
    count, _, parts, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count == 1:
        return None
    x, y, width, height, _ = parts[1 + int(np.argmax(parts[1:, cv2.CC_STAT_AREA]))].tolist()
    return np.array([x, y, x + width, y + height])


def _area(box: NDArray[np.int64]) -> float:
    return float(np.prod(box[2:] - box[:2]))
