# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A bounded number of samples, evenly spread over a stream whose length nobody knows."""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar('Item')


class EvenlySpread(Generic[Item]):
    """
    Keeps every item at first; whenever it is full, every second one, and of the new ones too.

    So it holds at most `capacity` items, equally far apart, and at least half as many once
    that many have come.
    """

    def __init__(self, capacity: int) -> None:
        """:param capacity: the most items to hold, 2 or more."""
        if capacity < 2:
            raise ValueError(f'capacity is {capacity}, and 2 is the least')
        self._capacity = capacity
        self._stride = 1
        self._offered = 0
        self.items: list[Item] = []
        """What is kept, oldest first."""

    def offer(self, make: Callable[[], Item]) -> None:
        """Take the next item of the stream; `make` is called only if it is kept."""
        if self._offered % self._stride == 0:
            if len(self.items) == self._capacity:
                self.items = self.items[::2]
                self._stride *= 2
            if self._offered % self._stride == 0:
                self.items.append(make())
        self._offered += 1

    def selection(self, count: int) -> list[Item]:
        """Return at most that many of the kept items, the first and the last among them."""
        last = len(self.items) - 1
        if last < count:
            return list(self.items)
        if count == 1:
            return self.items[:1]
        return [self.items[round(index * last / (count - 1))] for index in range(count)]
