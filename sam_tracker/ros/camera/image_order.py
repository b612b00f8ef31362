# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Classify an image stamp as next, repeated, late, or after a clock jump."""

import enum

from sam_tracker.core.time import SECOND

REORDERED = SECOND
"""Nanoseconds by which an image may arrive late; a larger step back is a clock jump."""
LATE_IN_A_ROW = 3
"""
Late images with rising stamps, and no newer image between them, that show a clock jump, unless a
publisher that is slower may still be there: see ``ImageOrder``.
"""
RETURNS = 2
"""How often the last stamp comes again after older ones before that shows a loop of few images."""


class Order(enum.Enum):
    NEXT = enum.auto()
    REPEATED = enum.auto()
    """
    The stamp of the previous image: a driver that repeats an image, or a clock that stands still.
    """
    LATE = enum.auto()
    """Slightly older than the previous image: overtaken in transport."""
    JUMPED_BACK = enum.auto()
    """
    Much older, or slightly older like several images before it: a bag that starts again, or a
    clock that was set back.
    """


class ImageOrder:
    """
    Classifies the stamps of one stream of images.

    Of two publishers whose clocks differ, the one with the later clock is followed. Its images may
    be the rarer ones, so late images show a jump only once they span 1.5 times its period.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._period = 0
        """Nanoseconds between accepted images: a maximum that decays."""
        self._first_refused = self._last_refused = 0
        self._refused_in_a_row = 0
        """Repeated or late images since the last accepted one, as long as their stamps rise."""
        self._returns = 0
        """How often the last accepted stamp came again after an older one."""
        self.jumps = 0
        """How often the stamps have jumped back."""

    def classify(self, stamp: int) -> Order:
        """
        Compare a stamp with that of the last image that was accepted.

        :param stamp: in nanoseconds.
        """
        last = self._last
        if last is None or stamp > last:
            step = 0 if last is None else stamp - last
            # A pause says nothing about the rate.
            if step < REORDERED:
                self._period = max(step, self._period * 3 // 4)
            return self._accept(stamp, Order.NEXT)
        if stamp <= last - REORDERED:
            # The rate of another bag or clock.
            self._period = 0
            return self._accept(stamp, Order.JUMPED_BACK)
        if self._refused_in_a_row and stamp > self._last_refused:
            self._refused_in_a_row += 1
            self._returns += stamp == last
        else:
            self._refused_in_a_row, self._first_refused = 1, stamp
        self._last_refused = stamp
        silence = stamp - self._first_refused
        rising = self._refused_in_a_row >= LATE_IN_A_ROW and 2 * silence >= 3 * self._period
        if rising or self._returns == RETURNS:
            return self._accept(stamp, Order.JUMPED_BACK)
        return Order.REPEATED if stamp == last else Order.LATE

    def _accept(self, stamp: int, order: Order) -> Order:
        self._last = stamp
        self._refused_in_a_row = self._returns = 0
        self.jumps += order is Order.JUMPED_BACK
        return order
