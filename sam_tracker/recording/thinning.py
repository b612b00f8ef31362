# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A bounded number of samples, evenly spaced over a stream of unknown length."""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar('Item')


class EvenlySpread(Generic[Item]):
    """
    Samples of a stream: every item at first; when full, every second one of old and new items.

    It holds at most ``capacity`` items, equally spaced, and at least half as many after that many
    have been offered.
    """

    def __init__(self, capacity: int) -> None:
        """
        Start without items.

        :param capacity: the most items to hold.
        :raises ValueError: it is below 2.
        """
        if capacity < 2:
            raise ValueError(f'capacity is {capacity}; it must be at least 2')
        self._capacity = capacity
        self._stride = 1
        self._offered = 0
        self.items: list[Item] = []
        """The samples, oldest first."""

    def offer(self, make: Callable[[], Item]) -> None:
        """Offer the next item of the stream; ``make`` is called only if it is sampled."""
        if self._offered % self._stride == 0:
            if len(self.items) == self._capacity:
                self.items = self.items[::2]
                self._stride *= 2
            if self._offered % self._stride == 0:
                self.items.append(make())
        self._offered += 1

    def selection(self, count: int) -> list[Item]:
        """Return at most ``count`` samples, evenly spaced, including the first and the last."""
        last = len(self.items) - 1
        if last < count:
            return list(self.items)
        if count == 1:
            return self.items[:1]
        return [self.items[round(index * last / (count - 1))] for index in range(count)]
