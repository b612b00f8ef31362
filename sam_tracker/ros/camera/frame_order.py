# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How the stamp of an image lies to that of the one before."""

import enum

from sam_tracker.core.time import SECOND

REORDERED = SECOND
"""Nanoseconds by which an image may be late on its way; further back, time itself has jumped."""


class Order(enum.Enum):
    NEXT = enum.auto()
    REPEATED = enum.auto()
    """The very stamp of the image before: a driver that repeats itself, or a clock that stands."""
    LATE = enum.auto()
    """A little older than the image before: overtaken on the way."""
    JUMPED_BACK = enum.auto()
    """Much older: a bag that starts again, or a clock that was set. Time begins anew here."""


class FrameOrder:
    """Judges one image after the other."""

    def __init__(self) -> None:
        self._last: int | None = None
        self.jumps = 0
        """How often time has jumped back."""

    def judge(self, stamp: int) -> Order:
        """Say how this stamp (ns) lies to that of the last image that was taken."""
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
