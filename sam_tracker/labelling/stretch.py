# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of a recording: which frames are propagated from which prompted frames."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Stretch:
    """One object, propagated from a prompted frame in one direction."""

    object_id: int
    start: int
    """Number of the prompted frame."""
    end: int
    """Number of the last frame; below ``start`` when it is propagated backwards."""
    conditioning: tuple[int, ...]
    """Numbers of the prompted frames that are read, ``start`` first."""

    @property
    def direction(self) -> int:
        """1 for forwards, -1 for backwards."""
        return 1 if self.end > self.start else -1

    @property
    def frames(self) -> range:
        """Numbers of its frames, in the order in which they are propagated."""
        return range(self.start + self.direction, self.end + self.direction, self.direction)


NEAREST = 2
"""
Prompted frames that a stretch reads besides the defining one: those at its ends, so that a
correction stays between.
"""


def plan(
    object_id: int, prompted: Collection[int], count: int, defining: int, whole: bool
) -> list[Stretch]:
    """
    Return the stretches that label an object on every frame of a recording.

    Between two prompted frames there are two, one from each side, which read both. Before the
    first prompted frame and after the last one, the two nearest are read. So a new prompt changes
    only what is near it. All read the defining frame too: corrections may show little of an object
    that is half hidden, and with them alone the network would follow that part, or lose it.

    :param prompted: numbers of the frames on which the object is prompted, at least one.
    :param count: frames of the recording.
    :param defining: number of the prompted frame that says what the object is.
    :param whole: propagate through prompted frames to the ends of the recording and read all of
        them, as SAM 2 does.
    """
    frames = sorted(set(prompted))
    if whole:
        wanted = [(frames[0], count - 1, count - 1), (frames[-1], 0, 0)]
    else:
        wanted = [(frames[0], 0, 0), (frames[-1], count - 1, count - 1)]
        for one, other in pairwise(frames):
            wanted += [(one, other - 1, other), (other, one + 1, one)]
    # The prompt at the far end is as near as that at the start, and nearer than all others.
    return [
        Stretch(
            object_id,
            start,
            end,
            by_distance(frames, start, reach) if whole else read(frames, start, reach, defining),
        )
        for start, end, reach in wanted
        if abs(end - start) >= 1
    ]


def read(frames: Collection[int], start: int, end: int, defining: int) -> tuple[int, ...]:
    """
    Return the prompted frames to read between two frames: the nearest first, then the defining.

    :param frames: numbers of all prompted frames of the object.
    :param defining: read too, if it is one of them.
    """
    near = by_distance(frames, start, end)[:NEAREST]
    return near if defining in near or defining not in frames else (*near, defining)


def by_distance(frames: Collection[int], start: int, end: int) -> tuple[int, ...]:
    """Return frames by their distance from those between two, ``start`` before all others."""
    low, high = min(start, end), max(start, end)

    def distance(frame: int) -> tuple[bool, int, int]:
        return frame != start, max(low - frame, frame - high, 0), frame

    return tuple(sorted(frames, key=distance))
