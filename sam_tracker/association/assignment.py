# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Optimal assignment of rows to columns (Hungarian method, by SciPy)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


def assigned(affinity: NDArray[np.float64]) -> list[tuple[int, int]]:
    """
    Return row and column of the pairs with the highest sum of affinities.

    :param affinity: [M, N] finite, higher is better; 0: the pair is impossible.
    """
    rows, columns = linear_sum_assignment(affinity, maximize=True)
    possible = affinity[rows, columns] > 0
    return list(zip(rows[possible].tolist(), columns[possible].tolist(), strict=True))
