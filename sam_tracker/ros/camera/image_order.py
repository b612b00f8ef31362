# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Classify an image stamp as next, repeated, late, or after a clock jump."""

import enum

from sam_tracker.core.time import SECOND

REORDERED = SECOND
"""Nanoseconds by which an image may arrive late; a larger step back is a clock jump."""


class Order(enum.Enum):
    NEXT = enum.auto()
    REPEATED = enum.auto()
    """The stamp of the previous image: a driver that repeats itself, or a clock that stands."""
    LATE = enum.auto()
    """Slightly older than the previous image: overtaken in transport."""
    JUMPED_BACK = enum.auto()
    """Much older: a bag that starts again, or a clock that was set back."""


class ImageOrder:
    """Classifies the stamps of one stream of images."""

    def __init__(self) -> None:
        self._last: int | None = None
        self.jumps = 0
        """How often the stamps have jumped back."""

    def classify(self, stamp: int) -> Order:
        """
        Compare a stamp with that of the last image that was accepted.

        :param stamp: in nanoseconds.
        """
        last = self._last
        if last is not None:
            if stamp == last:
                return Order.REPEATED
            if last - REORDERED < stamp < last:
                return Order.LATE
        self._last = stamp
        if last is not None and stamp < last:
            self.jumps += 1
            return Order.JUMPED_BACK
        return Order.NEXT
