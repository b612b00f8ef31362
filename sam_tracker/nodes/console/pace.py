# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Adapts the size of the pictures for a viewer to the rate at which it draws them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A size of pictures."""

    scale: float
    """Of width and height, at most 1."""
    quality: int
    """Of JPEG, relative to that of the parameter, in percent."""


LEVELS = (Level(1.0, 100), Level(0.6, 90), Level(0.35, 80), Level(0.2, 70))

SLOW = 0.6
"""Seconds from sending a picture to its being drawn, above which the next ones are smaller."""
FAST = 0.15
"""Seconds below which they may be larger again."""
SMOOTHING = 0.2
SHORTEST_TRIAL = 4.0
LONGEST_TRIAL = 120.0
"""Seconds at one level before a larger one is tried; doubled whenever that has failed."""


class Pace:
    """
    Chooses the level of one viewer.

    At most ``MOST_UNDER_WAY`` pictures are sent ahead of what the viewer has drawn: one that is
    drawn while another one travels.
    """

    MOST_UNDER_WAY = 2

    def __init__(self, now: float) -> None:
        """:param now: seconds, on the monotonic clock."""
        self._index = 0
        self._sent: list[float] = []
        self._delay = 0.0
        self._since = now
        self._trial = SHORTEST_TRIAL

    @property
    def level(self) -> Level:
        return LEVELS[self._index]

    @property
    def ready(self) -> bool:
        """Whether another picture may be sent."""
        return len(self._sent) < self.MOST_UNDER_WAY

    def sent(self, now: float) -> None:
        """:param now: seconds, on the monotonic clock."""
        self._sent.append(now)

    def shown(self, now: float) -> None:
        """
        Count the oldest picture under way as drawn.

        :param now: seconds, on the monotonic clock.
        """
        if not self._sent:
            return
        self._delay += SMOOTHING * (now - self._sent.pop(0) - self._delay)
        if self._delay > SLOW and self._index < len(LEVELS) - 1:
            if now - self._since < self._trial:
                self._trial = min(2 * self._trial, LONGEST_TRIAL)
            self._change(self._index + 1, now)
        elif self._delay < FAST and self._index and now - self._since > self._trial:
            self._change(self._index - 1, now)

    def _change(self, index: int, now: float) -> None:
        self._index, self._since = index, now
        self._delay = (SLOW + FAST) / 2
