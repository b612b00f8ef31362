# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""M-of-N confirmation: an object counts once it was detected on enough of the last images."""

from __future__ import annotations

from collections import deque
import math


class Votes:
    """Whether something was detected on each of the last images."""

    def __init__(self, confirmations: int, window: int) -> None:
        self._votes: deque[bool] = deque(maxlen=window)
        self._needed = confirmations

    def add(self, *, detected: bool) -> bool:
        """Add an image and return whether the detection is confirmed on it."""
        self._votes.append(detected)
        return detected and self.confirmed

    def clear(self) -> None:
        self._votes.clear()

    @property
    def confirmed(self) -> bool:
        """Whether enough images of the window have a detection."""
        return sum(self._votes) >= self._needed


class Support:
    """Whether the detector knows an object, and since when it has not seen it where it is."""

    def __init__(self, confirmations: int) -> None:
        self.matches = 0
        """Images on which the object was detected where it is tracked."""
        self.silence = 0
        """Images since the last of them."""
        self._sure: deque[int] = deque(maxlen=confirmations)
        """Stamps of the last images on which the object was surely seen by both."""

    def add(self, stamp: int, *, matched: bool, surely: bool) -> None:
        """
        Add an image.

        :param matched: whether the object was detected where it is tracked.
        :param surely: whether it was visible, and the boxes agreed.
        """
        self.matches += matched
        self.silence = 0 if matched else self.silence + 1
        if surely:
            self._sure.append(stamp)

    @property
    def beside(self) -> float:
        """What was detected already at this stamp, and since then, is not the object."""
        return self._sure[0] if len(self._sure) == self._sure.maxlen else -math.inf
