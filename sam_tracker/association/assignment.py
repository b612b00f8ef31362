# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Optimal assignment of rows to columns (Hungarian method, by SciPy)."""

import numpy as np
from numpy.typing import NDArray


def load_solver() -> None:
    """Import SciPy's solver, which takes up to a second, before the first assignment does."""
    import scipy.optimize  # noqa: F401


def assigned(affinity: NDArray[np.float64]) -> list[tuple[int, int]]:
    """
    Return row and column of the pairs with the highest sum of affinities.

    :param affinity: [M, N] finite, higher is better; 0: the pair is impossible.
    """
    # Not at the start of every program that may never have two sets to pair: it takes 0.3 s.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(affinity, maximize=True)
    possible = affinity[rows, columns] > 0
    return list(zip(rows[possible].tolist(), columns[possible].tolist(), strict=True))
