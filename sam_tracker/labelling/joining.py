# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Joins the two directions of an object between two prompted frames to one track.

On every frame the label of one direction is taken, along the cheapest path from the forward track
at the first prompted frame to the backward track at the last. A direction costs what it is unsure
of on the frame, its jumps, and how much of the uncertainty since both prompts is its own: one that
was unsure or lost the object may follow another now, and be sure of that. A change of direction
costs what the two do not have in common there, so a direction that has lost the object is left
where both still agreed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import box_iou
from sam_tracker.labelling.labelled_track import LabelledTrack

SWITCH_COST = 0.5
"""Cost of a change of direction where both have the same mask."""
SWITCH_WEIGHT = 4.0
"""Additional cost of a change where they have nothing in common."""
_NO_BOX = (math.nan,) * 4


@dataclass(frozen=True)
class PairFacts:
    """Input, for one frame, of the choice between two directions."""

    certainty: tuple[float, float]
    """That the object is where, or as absent as, the forward and the backward track say."""
    boxes: tuple[tuple[float, ...] | None, tuple[float, ...] | None]
    agreement: float
    """IoU of the two masks; 1 if neither is visible."""

    @classmethod
    def of(cls, forward: LabelledTrack, backward: LabelledTrack) -> PairFacts:
        """Compare the tracks of the two directions on one frame."""
        return cls(
            (_certainty(forward), _certainty(backward)),
            (forward.box, backward.box),
            mask_iou(forward, backward),
        )


def chosen_directions(facts: Iterable[PairFacts]) -> NDArray[np.int8]:
    """
    Choose a direction for each frame between two prompted ones.

    :param facts: of the T frames, in order; read once, since there may be hours of them.
    :returns: [T] 0 for the forward track, 1 for the backward one.
    """
    numbers = array('d')
    for each in facts:
        numbers.extend((*each.certainty, each.agreement))
        for box in each.boxes:
            numbers.extend(_NO_BOX if box is None else box)
    table = np.array(numbers).reshape(-1, 11)
    count = len(table)
    if not count:
        return np.zeros(0, np.int8)
    unsure, apart = 1 - table[:, :2], 1 - table[:, 2]
    boxes = table[:, 3:].reshape(count, 2, 4)
    seen = ~np.isnan(boxes[..., 0])
    jumps = np.zeros((count, 2))
    # A jump is one in the direction of propagation.
    jumps[:, 0] = jump_costs(boxes[:, 0])
    jumps[::-1, 1] = jump_costs(boxes[::-1, 1])
    # However sure a direction is that the object has gone: what it finds later may be another.
    lost = np.where(seen, unsure, 1.0) + jumps
    since = np.stack((np.cumsum(lost[:, 0]), np.cumsum(lost[::-1, 1])[::-1]), axis=1) + 1e-6
    costs = unsure + jumps + since / since.sum(axis=1, keepdims=True)
    # The first prompted frame belongs to the forward track, and the last to the backward one.
    costs[0, 1] += SWITCH_COST + SWITCH_WEIGHT * apart[0]
    costs[-1, 0] += SWITCH_COST + SWITCH_WEIGHT * apart[-1]
    best = costs[0].copy()
    came = np.zeros((count, 2), np.int8)
    for number in range(1, count):
        change = SWITCH_COST + SWITCH_WEIGHT * max(apart[number - 1], apart[number])
        stay, switch = best, best[::-1] + change
        came[number] = np.where(switch < stay, [1, 0], [0, 1])
        best = np.minimum(stay, switch) + costs[number]
    path = np.zeros(count, np.int8)
    path[-1] = np.argmin(best)
    for number in range(count - 1, 0, -1):
        path[number - 1] = came[number, path[number]]
    return path


def jump_costs(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return 1 - IoU of each box with the one that the two before it predict; 0 without one.

    :param boxes: [T, 4], NaN where there is none.
    :returns: [T].
    """
    costs = np.zeros(len(boxes))
    predicted = 2 * boxes[1:-1] - boxes[:-2]
    known = ~np.isnan(predicted + boxes[2:]).any(1)
    costs[2:][known] = 1 - box_iou(predicted[known], boxes[2:][known])
    return costs


def doubt(track: LabelledTrack, agreement: float | None = None) -> float:
    """
    Return the doubt about a label, 0 to 1.

    :param agreement: IoU with the label of the other direction; None: there is none.
    """
    unsure = 1 - _certainty(track)
    if agreement is None:
        return round(unsure, 4)
    return round(max(1 - agreement, unsure / 2), 4)


def mask_iou(one: LabelledTrack, other: LabelledTrack) -> float:
    """Return the IoU of two masks of the same image; 1 if neither is visible."""
    if one.counts == other.counts:
        return 1.0
    if not one.visible or not other.visible:
        return 0.0
    first, second = one.mask, other.mask
    shared = int(np.count_nonzero(first & second))
    return shared / max(int(np.count_nonzero(first | second)), 1)


def _certainty(track: LabelledTrack) -> float:
    """Return the confidence that the object is where, or as absent as, the track says."""
    if track.visible:
        return track.confidence
    return 0.5 * (1 - math.tanh(track.object_logit / 2))
