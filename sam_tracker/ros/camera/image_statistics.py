# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Counts of arrived, processed and dropped images, and latencies of their tracks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
import enum
import threading
from typing import TYPE_CHECKING
import weakref

import numpy as np

from sam_tracker.core.time import SECOND

if TYPE_CHECKING:
    from sam_tracker.ros.camera.received_image import ReceivedImage

WINDOW = 5 * SECOND
"""Nanoseconds over which rates, latencies and recent drops are measured."""
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
class ImageReport:
    """Counts since the start, rates and times of the last seconds."""

    received: int
    processed: int
    dropped: Mapping[Drop, int]
    """Disjoint: an image is either processed or dropped for one reason."""
    recently_dropped: Mapping[Drop, int]
    """Of ``dropped``, those in the last ``WINDOW``."""
    input_rate: float
    """Hz."""
    processed_rate: float
    """Hz."""
    age: Spread | None
    """From the image's stamp to the publication of its tracks; None: nothing was processed."""
    latency: Spread | None
    """From the image's arrival to the publication of its tracks."""
    tracking: Spread | None
    """Of the latency, the time in the tracker and its network."""
    silence: float
    """Seconds since the last image, or since the start."""

    @property
    def published(self) -> int:
        """Images that the camera has published, as far as is known."""
        return self.received + self.dropped.get(Drop.NOT_TAKEN, 0)


class ImageStatistics:
    """
    Counts every image exactly once; thread-safe. Times are nanoseconds of the monotonic clock.

    An image that was dropped and is processed after all, because a prompt was made on it, moves
    from one count to the other.
    """

    def __init__(self, now: int) -> None:
        self._lock = threading.Lock()
        self._start = now
        self._received = 0
        self._processed = 0
        self._dropped: Counter[Drop] = Counter()
        self._outcomes: weakref.WeakKeyDictionary[ReceivedImage, Drop | None] = (
            weakref.WeakKeyDictionary()
        )
        """How each image is counted, as long as it is referenced; None: processed."""
        self._arrivals: deque[int] = deque(maxlen=MOST_EVENTS)
        self._drops: deque[tuple[int, Drop, int]] = deque(maxlen=MOST_EVENTS)
        self._results: deque[tuple[int, int, int, int]] = deque(maxlen=MOST_EVENTS)

    def receive(self, now: int) -> None:
        """Count an image that has arrived."""
        with self._lock:
            self._received += 1
            self._arrivals.append(now)

    def drop(
        self, reason: Drop, now: int, image: ReceivedImage | None = None, count: int = 1
    ) -> None:
        """
        Count images as dropped.

        :param image: the image, if it was accepted; nothing is done when it is counted already.
        """
        with self._lock:
            if image is not None:
                if image in self._outcomes:
                    return
                self._outcomes[image] = reason
            self._dropped[reason] += count
            self._drops.append((now, reason, count))

    def process(self, image: ReceivedImage, now: int, age: int, tracking: int) -> None:
        """
        Count an image as processed; nothing is done when it is counted so already.

        :param age: nanoseconds from its stamp to now, by the clock of the stamps.
        :param tracking: nanoseconds that the tracker worked on it.
        """
        with self._lock:
            if image in self._outcomes:
                reason = self._outcomes[image]
                if reason is None:
                    return
                self._dropped[reason] -= 1
            self._outcomes[image] = None
            self._processed += 1
            self._results.append((now, now - image.arrival, age, tracking))

    def report(self, now: int) -> ImageReport:
        with self._lock:
            arrivals = [time for time in self._arrivals if time > now - WINDOW]
            results = [event for event in self._results if event[0] > now - WINDOW]
            recent: Counter[Drop] = Counter()
            for time, reason, count in self._drops:
                if time > now - WINDOW:
                    recent[reason] += count
            last = self._arrivals[-1] if self._arrivals else self._start
            span = max(min(WINDOW, now - self._start), 1) / SECOND
            return ImageReport(
                received=self._received,
                processed=self._processed,
                dropped=dict(+self._dropped),
                recently_dropped=dict(recent),
                input_rate=len(arrivals) / span,
                processed_rate=len(results) / span,
                age=_spread([event[2] for event in results]),
                latency=_spread([event[1] for event in results]),
                tracking=_spread([event[3] for event in results]),
                silence=(now - last) / SECOND,
            )


def _spread(times: list[int]) -> Spread | None:
    if not times:
        return None
    median, p95, most = np.percentile(times, [50, 95, 100]) / SECOND
    return Spread(float(median), float(p95), float(most))
