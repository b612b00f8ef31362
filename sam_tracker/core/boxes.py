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
