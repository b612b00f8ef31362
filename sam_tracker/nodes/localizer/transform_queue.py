# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images that wait for their transform."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sam_tracker.ros.camera.transforms import TransformError

if TYPE_CHECKING:
    from sam_tracker.localization.rigid_transform import RigidTransform

Item = TypeVar('Item')

MOST_WAITING = 16
"""Images that may wait; then the oldest is given up before its time."""


@dataclass(frozen=True)
class _Entry(Generic[Item]):
    item: Item
    arrival: int


class TransformQueue(Generic[Item]):
    """
    Keeps images in order until the transform of each is known, or its time is over.

    Transforms come on a topic of their own, often later than the image. Times are nanoseconds of
    the monotonic clock.
    """

    def __init__(self, look_up: Callable[[Item], RigidTransform | None], patience: int) -> None:
        """
        Create it empty.

        :param look_up: returns the transform of an image; raises ``TransformError`` while it is
            not known.
        :param patience: the longest time that an image waits.
        """
        self._look_up = look_up
        self._patience = patience
        self._waiting: deque[_Entry[Item]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def first(self) -> Item | None:
        """The image that has waited longest."""
        return self._waiting[0].item if self._waiting else None

    def add(self, item: Item, now: int) -> None:
        self._waiting.append(_Entry(item, now))

    def ready(self, now: int) -> Iterator[tuple[Item, RigidTransform | TransformError | None]]:
        """Yield the images that need not wait any longer, with their transform or the error."""
        while self._waiting:
            entry = self._waiting[0]
            found: RigidTransform | TransformError | None
            try:
                found = self._look_up(entry.item)
            except TransformError as error:
                over = now - entry.arrival >= self._patience
                if not over and len(self._waiting) <= MOST_WAITING:
                    return
                found = error
            self._waiting.popleft()
            yield entry.item, found
