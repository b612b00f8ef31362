# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""M-of-N confirmation: an object counts once it was detected on enough of the last images."""

from __future__ import annotations

from collections import deque


class Votes:
    """Whether something was detected on each of the last images."""

    def __init__(self, confirmations: int, window: int) -> None:
        self._votes: deque[bool] = deque(maxlen=window)
        self._needed = confirmations

    def add(self, *, detected: bool) -> bool:
        """Add an image and return whether the detection is confirmed on it."""
        self._votes.append(detected)
        return detected and sum(self._votes) >= self._needed

    def clear(self) -> None:
        self._votes.clear()

    @property
    def hopeless(self) -> bool:
        """Whether no image of the window has a detection."""
        return not any(self._votes)


class Support:
    """Whether the detector knows an object, and since when it has not seen it where it is."""

    def __init__(self) -> None:
        self.matches = 0
        """Images on which the object was detected where it is tracked."""
        self.silence = 0
        """Images since the last of them."""

    def add(self, *, matched: bool) -> None:
        self.matches += matched
        self.silence = 0 if matched else self.silence + 1
