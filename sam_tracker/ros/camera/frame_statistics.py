# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What became of the images: how many came, were processed or dropped, and how late."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
import enum
import threading

import numpy as np

from sam_tracker.core.time import SECOND

WINDOW = 5 * SECOND
"""Nanoseconds over which rates and latencies are taken."""
MOST_EVENTS = 4096
"""Events remembered for them: memory stays bounded at any rate."""


class Drop(enum.Enum):
    """Why an image was not processed."""

    REPLACED = 'replaced by a newer one'
    NOT_TAKEN = 'lost or replaced before it was taken'
    """By the network, or in the queue of the subscription: such images are never received."""
    PAUSED = 'paused'
    REPEATED = 'same stamp as the one before'
    OUT_OF_ORDER = 'older than the one before'
    UNREADABLE = 'unreadable'
    FAILED = 'failed'


@dataclass(frozen=True)
class Spread:
    """Percentiles of a duration, in seconds."""

    median: float
    p95: float
    most: float


@dataclass(frozen=True)
class FrameReport:
    """The counts since the start, and the rates and times of the last seconds."""

    received: int
    processed: int
    dropped: Mapping[Drop, int]
    newly_dropped: Mapping[Drop, int]
    """Of ``dropped``, those since the report before."""
    input_rate: float
    """Hz."""
    processed_rate: float
    """Hz."""
    age: Spread | None
    """From the image's stamp to the publication of its tracks; None: nothing was processed."""
    latency: Spread | None
    """From the image's arrival to the publication of its tracks."""
    tracking: Spread | None
    """Of this, the work of the tracker and its network."""
    silence: float
    """Seconds since the last image, or since the start."""


class FrameStatistics:
    """Counts; any thread may call. Times are nanoseconds of the monotonic clock."""

    def __init__(self, now: int) -> None:
        self._lock = threading.Lock()
        self._start = now
        self._received = 0
        self._processed = 0
        self._dropped: Counter[Drop] = Counter()
        self._reported: Counter[Drop] = Counter()
        self._arrivals: deque[int] = deque(maxlen=MOST_EVENTS)
        self._published: deque[tuple[int, int, int, int]] = deque(maxlen=MOST_EVENTS)

    def receive(self, now: int) -> None:
        with self._lock:
            self._received += 1
            self._arrivals.append(now)

    def drop(self, reason: Drop, count: int = 1) -> None:
        with self._lock:
            self._dropped[reason] += count

    def publish(self, now: int, arrival: int, age: int, tracking: int) -> None:
        """
        Count a processed image.

        :param age: nanoseconds from its stamp to now, by the clock that stamps go by.
        :param tracking: nanoseconds that the tracker worked on it.
        """
        with self._lock:
            self._processed += 1
            self._published.append((now, now - arrival, age, tracking))

    def report(self, now: int) -> FrameReport:
        with self._lock:
            newly = self._dropped - self._reported
            self._reported = self._dropped.copy()
            arrivals = [time for time in self._arrivals if time > now - WINDOW]
            published = [event for event in self._published if event[0] > now - WINDOW]
            last = self._arrivals[-1] if self._arrivals else self._start
            span = max(min(WINDOW, now - self._start), 1) / SECOND
            return FrameReport(
                received=self._received,
                processed=self._processed,
                dropped=dict(self._dropped),
                newly_dropped=dict(newly),
                input_rate=len(arrivals) / span,
                processed_rate=len(published) / span,
                age=_spread([event[2] for event in published]),
                latency=_spread([event[1] for event in published]),
                tracking=_spread([event[3] for event in published]),
                silence=(now - last) / SECOND,
            )


def _spread(times: list[int]) -> Spread | None:
    if not times:
        return None
    median, p95, most = np.percentile(times, [50, 95, 100]) / SECOND
    return Spread(float(median), float(p95), float(most))
