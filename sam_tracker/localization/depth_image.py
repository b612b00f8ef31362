# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A depth image, converted to metres where it is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DepthImage:
    """Depth along the optical axis for each pixel of the colour image (REP 118)."""

    values: NDArray[np.uint16] | NDArray[np.float32]
    """[height, width]; 0 or NaN: nothing was measured."""
    unit: float
    """Metres: the depth that the value 1 stands for."""

    def metres(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """
        Return the depth of pixels.

        :param rows: [N] inside the image.
        :param columns: [N] inside the image.
        :returns: [N] metres; not finite or not positive where nothing was measured.
        """
        return self.values[rows, columns] * np.float64(self.unit)
