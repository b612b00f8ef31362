# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals over clips, by the bootstrap."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE = 0.95
_SEED = 20260101


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float
    count: int
    """Number of clips that it is computed from."""

    def __str__(self) -> str:
        if np.isnan(self.value):
            return '-'
        return f'{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]'


def mean_estimate(values: Values) -> Estimate:
    """Estimate the mean of one value a clip [N]; clips whose value is NaN have none."""
    values = values[~np.isnan(values)]

    def mean(chosen: NDArray[np.int64]) -> float:
        return float(values[chosen].mean())

    return estimate(mean, len(values))


def paired_difference(values: Values, baseline: Values) -> Estimate:
    """
    Estimate the mean difference of two trackers on the same clips [N].

    The difficulty of a clip cancels, so the interval is much narrower than those of the two
    means.
    """
    if values.shape != baseline.shape:
        raise ValueError(f'{len(values)} clips cannot be paired with {len(baseline)}')
    return mean_estimate(values - baseline)


def estimate(statistic: Callable[[NDArray[np.int64]], float], count: int) -> Estimate:
    """
    Estimate any statistic of ``count`` clips.

    :param statistic: takes the numbers of the clips [N], some more than once, some never.

    Resamples for which the statistic is NaN are left out. The resampling is seeded.
    """
    if count == 0:
        return Estimate(float('nan'), float('nan'), float('nan'), 0)
    rng = np.random.default_rng(_SEED)
    drawn = [statistic(rng.integers(count, size=count)) for _ in range(RESAMPLES)]
    finite = np.array(drawn)[~np.isnan(drawn)]
    low = high = float('nan')
    if len(finite):
        low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(statistic(np.arange(count)), float(low), float(high), count)
