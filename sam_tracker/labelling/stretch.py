# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is propagated from where to where: the plan of a recording with prompts on its frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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


def plan(
    object_id: int, prompted: Collection[int], count: int, most: int, whole: bool
) -> list[Stretch]:
    """
    Return the stretches that label an object on every frame of a recording.

    Between two prompted frames there are two, one from each side, which read both. Before the
    first prompted frame and after the last one, the ``most`` nearest are read. So a new prompt
    changes only what is near it.

    :param prompted: numbers of the frames on which the object is prompted, at least one.
    :param count: frames of the recording.
    :param most: prompted frames that a stretch reads at most, at least 2.
    :param whole: propagate through prompted frames to the ends of the recording and read all of
        them, as SAM 2 does; ``most`` is ignored.
    """
    frames = sorted(set(prompted))
    if whole:
        wanted = [(frames[0], count - 1, count - 1), (frames[-1], 0, 0)]
        most = len(frames)
    else:
        wanted = [(frames[0], 0, 0), (frames[-1], count - 1, count - 1)]
        for one, other in pairwise(frames):
            wanted += [(one, other - 1, other), (other, one + 1, one)]
    # The prompt at the far end is as near as that at the start, and nearer than all others.
    return [
        Stretch(object_id, start, end, nearest(frames, start, reach, most))
        for start, end, reach in wanted
        if abs(end - start) >= 1
    ]


def nearest(frames: Sequence[int], start: int, end: int, most: int) -> tuple[int, ...]:
    """
    Return the prompted frames to read on a stretch, the nearest first.

    :param frames: numbers of all prompted frames of the object, ascending.
    :param most: of them at most.
    """
    low, high = min(start, end), max(start, end)

    def distance(frame: int) -> tuple[bool, int, int]:
        return frame != start, max(low - frame, frame - high, 0), frame

    return tuple(sorted(frames, key=distance)[:most])
