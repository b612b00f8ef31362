# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Count, rate and latency of arriving images."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from sam_tracker.core.time import SECOND

REMEMBERED = 20_000
"""Images whose times are kept: ten minutes at 30 Hz. Older ones only count in ``received``."""


@dataclass(frozen=True)
class Latency:
    """From the stamp of an image to its arrival, in milliseconds."""

    least: float
    median: float
    p95: float
    most: float


@dataclass(frozen=True)
class StreamReport:
    received: int
    rate: float
    """Images per second between the first and the last remembered; 0 for fewer than two."""
    latency: Latency | None
    """None when no image came."""


class ImageStream:
    """Counts images as they arrive. Times are nanoseconds since 1970."""

    def __init__(self) -> None:
        self.received = 0
        self._arrivals: deque[int] = deque(maxlen=REMEMBERED)
        self._latencies: deque[int] = deque(maxlen=REMEMBERED)

    def add(self, stamp: int, arrival: int) -> None:
        self.received += 1
        self._arrivals.append(arrival)
        self._latencies.append(arrival - stamp)

    def report(self) -> StreamReport:
        if not self._arrivals:
            return StreamReport(0, 0.0, None)
        span = (self._arrivals[-1] - self._arrivals[0]) / SECOND
        rate = (len(self._arrivals) - 1) / span if span > 0 else 0.0
        percentiles = np.percentile(np.array(self._latencies), [0, 50, 95, 100]) / 1e6
        return StreamReport(self.received, rate, Latency(*map(float, percentiles)))
