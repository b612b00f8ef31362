# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs images with depth images by their stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

Waiting = TypeVar('Waiting')
Depth = TypeVar('Depth')

MOST_WAITING = 16
"""Images that may wait for their depth; then the oldest goes without waiting longer."""


@dataclass(frozen=True)
class _Entry(Generic[Waiting]):
    stamp: int
    item: Waiting
    arrival: int


@dataclass(frozen=True)
class _Kept(Generic[Depth]):
    stamp: int
    depth: Depth
    nbytes: int


@dataclass(frozen=True)
class Match(Generic[Waiting, Depth]):
    """An image with the depth image that belongs to it."""

    item: Waiting
    depth: Depth | None
    """None: there is none that is near enough."""
    offset: int
    """Nanoseconds from the image to its depth image."""


class DepthMatch(Generic[Waiting, Depth]):
    """
    Pairs images with depth images: of the same stamp, else the nearest within a tolerance.

    An image waits until a depth image after it has come, since that one may be the nearest, but
    no longer than a given time. Times are nanoseconds.
    """

    def __init__(self, tolerance: int, patience: int, most_bytes: int) -> None:
        """
        Create it without images.

        :param tolerance: the most by which the stamps of a pair may differ.
        :param patience: the longest time that an image waits.
        :param most_bytes: of depth images that are kept; the newest is kept in any case.
        """
        self._tolerance = tolerance
        self._patience = patience
        self._most_bytes = most_bytes
        self._depth: deque[_Kept[Depth]] = deque()
        self._bytes = 0
        self._waiting: deque[_Entry[Waiting]] = deque()

    @property
    def has_depth(self) -> bool:
        """Whether a depth image has come."""
        return bool(self._depth)

    def add_depth(self, stamp: int, depth: Depth, nbytes: int) -> None:
        """
        Add a depth image; one from before the last means that the clock was set back.

        :param nbytes: the memory that it takes.
        """
        if self._depth and stamp < self._depth[-1].stamp:
            self._depth.clear()
            self._bytes = 0
        self._depth.append(_Kept(stamp, depth, nbytes))
        self._bytes += nbytes
        while self._bytes > self._most_bytes and len(self._depth) > 1:
            self._bytes -= self._depth.popleft().nbytes

    def add(self, stamp: int, item: Waiting, now: int) -> None:
        """Add an image; ``now`` is a time of the monotonic clock."""
        self._waiting.append(_Entry(stamp, item, now))

    def ready(self, now: int) -> list[Match[Waiting, Depth]]:
        """Return the images that need not wait any longer, in order, with their depth."""
        matches: list[Match[Waiting, Depth]] = []
        while self._waiting:
            entry = self._waiting[0]
            later = bool(self._depth) and self._depth[-1].stamp >= entry.stamp
            late = now - entry.arrival >= self._patience or len(self._waiting) > MOST_WAITING
            if not (later or late):
                break
            self._waiting.popleft()
            nearest = min(
                self._depth, key=lambda each: abs(each.stamp - entry.stamp), default=None
            )
            if nearest is None or abs(nearest.stamp - entry.stamp) > self._tolerance:
                matches.append(Match(entry.item, None, 0))
            else:
                matches.append(Match(entry.item, nearest.depth, nearest.stamp - entry.stamp))
        return matches
