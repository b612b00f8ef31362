# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Presence and re-acquisition metrics."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]

FOUND_OVERLAP = 0.5
"""Overlap from which on an object counts as found."""
SHORTEST_ABSENCE = 3
"""Frames; a shorter absence is a flicker that asks nothing of a memory."""
PATIENCE = 30
"""Frames after its return within which an object must be found again."""


def presence_rates(present: Flags, visible: Flags) -> tuple[float, float]:
    """
    Return the shares of visible frames called present and of other frames called absent.

    :param present: [T] the tracker's output.
    :param visible: [T] ground truth.

    A share of no frames is NaN.
    """
    seen, unseen = present[visible], ~present[~visible]
    return (
        float(seen.mean()) if len(seen) else float('nan'),
        float(unseen.mean()) if len(unseen) else float('nan'),
    )


def balanced_accuracy(present: Flags, visible: Flags) -> float:
    """Return the mean of both rates: 0.5 for always saying the same; NaN if only one exists."""
    sensitivity, specificity = presence_rates(present, visible)
    return (sensitivity + specificity) / 2


@dataclass(frozen=True)
class Absence:
    """An interval in which an object was not visible, between two in which it was."""

    start: int
    """First frame without it."""
    end: int
    """First frame with it again."""
    next_start: int
    """First frame after that without it; the number of frames if there is none."""


def absences(visible: Flags, shortest: int = SHORTEST_ABSENCE) -> Iterator[Absence]:
    """Yield the absences of at least ``shortest`` frames in visibility [T], first to last."""
    changes = np.flatnonzero(np.diff(visible.astype(np.int8))) + 1
    edges = [*changes.tolist(), len(visible)]
    for start, end, next_start in zip(edges, edges[1:], edges[2:], strict=False):
        if not visible[start] and end - start >= shortest:
            yield Absence(start, end, next_start)


def returned_frames(visible: Flags) -> Flags:
    """Return on which frames [T] an object is visible after its first absence: re-appearance."""
    first = next(absences(visible), None)
    return visible & (np.arange(len(visible)) >= (len(visible) if first is None else first.end))


def reacquisition_delays(
    overlaps: Values, visible: Flags, patience: int = PATIENCE
) -> list[int | None]:
    """
    Return for each absence how many frames after its end the object was found; None: not found.

    Only the first ``patience`` frames count, up to the next absence.

    :param overlaps: [T] of prediction and ground truth, masks or boxes.
    :param visible: [T] ground truth.
    """
    delays: list[int | None] = []
    for absence in absences(visible):
        until = min(absence.end + patience, absence.next_start)
        found = np.flatnonzero(overlaps[absence.end : until] >= FOUND_OVERLAP)
        delays.append(int(found[0]) if len(found) else None)
    return delays
