# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Classify an image stamp as next, repeated, late, or after a clock jump."""

import enum

from sam_tracker.core.time import SECOND

REORDERED = SECOND
"""Nanoseconds by which an image may arrive late; a larger step back is a clock jump."""
LATE_IN_A_ROW = 3
"""Late images with rising stamps, and no newer image between them, that show a clock jump."""


class Order(enum.Enum):
    NEXT = enum.auto()
    REPEATED = enum.auto()
    """The stamp of the previous image: a driver that repeats itself, or a clock that stands."""
    LATE = enum.auto()
    """Slightly older than the previous image: overtaken in transport."""
    JUMPED_BACK = enum.auto()
    """
    Much older, or slightly older like several images before it: a bag that starts again, or a
    clock that was set back.
    """


class ImageOrder:
    """Classifies the stamps of one stream of images."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._last_refused = 0
        self._refused_in_a_row = 0
        """Repeated or late images since the last accepted one, as long as their stamps rise."""
        self.jumps = 0
        """How often the stamps have jumped back."""

    def classify(self, stamp: int) -> Order:
        """
        Compare a stamp with that of the last image that was accepted.

        :param stamp: in nanoseconds.
        """
        last = self._last
        if last is None or stamp > last:
            return self._accept(stamp, Order.NEXT)
        if stamp <= last - REORDERED:
            return self._accept(stamp, Order.JUMPED_BACK)
        rises = self._refused_in_a_row and stamp > self._last_refused
        self._refused_in_a_row = self._refused_in_a_row + 1 if rises else 1
        self._last_refused = stamp
        if self._refused_in_a_row == LATE_IN_A_ROW:
            return self._accept(stamp, Order.JUMPED_BACK)
        return Order.REPEATED if stamp == last else Order.LATE

    def _accept(self, stamp: int, order: Order) -> Order:
        self._last = stamp
        self._refused_in_a_row = 0
        self.jumps += order is Order.JUMPED_BACK
        return order
