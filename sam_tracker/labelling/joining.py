# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Joins the two directions of an object between two prompted frames to one track.

On every frame the label of one direction is taken, along the cheapest path from the forward track
at the first prompted frame to the backward track at the last. Each frame on which a direction does
not see the object costs, so that a direction that has lost it is left. A change of direction costs
what the two masks do not have in common there, so that it is made where both show the same object.
The confidence of the network does not count: it is as confident of another object.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.labelling.labelled_track import LabelledTrack

CHANGE_COST = 4.0
"""Cost of a change of direction between masks of different objects, in frames unseen."""
SAME_OBJECT = 0.5
"""IoU of two masks below which they show different objects."""
DISTANCE_COST = 0.5
"""
Cost of all frames of a direction together, for their distances from its prompt: what decides where
nothing else does.
"""


@dataclass(frozen=True)
class PairFacts:
    """Input, for one frame, of the choice between two directions."""

    visible: tuple[bool, bool]
    """Whether the forward and the backward track see the object."""
    agreement: float
    """IoU of the two masks; 1 if neither is visible."""

    @classmethod
    def of(cls, forward: LabelledTrack, backward: LabelledTrack) -> PairFacts:
        """Compare the tracks of the two directions on one frame."""
        return cls((forward.visible, backward.visible), mask_iou(forward, backward))


def chosen_directions(facts: Iterable[PairFacts]) -> NDArray[np.int8]:
    """
    Choose a direction for each frame between two prompted ones.

    :param facts: of the T frames, in order; read once, since there may be hours of them.
    :returns: [T] 0 for the forward track, 1 for the backward one.
    """
    numbers = array('d')
    for each in facts:
        numbers.extend((*each.visible, each.agreement))
    table = np.array(numbers).reshape(-1, 3)
    count = len(table)
    if not count:
        return np.zeros(0, np.int8)
    distance = np.arange(1, count + 1) / (count + 1)
    costs = 1 - table[:, :2]
    costs += DISTANCE_COST / count * np.stack((distance, distance[::-1]), axis=1)
    agreement = table[:, 2]
    changes = CHANGE_COST * np.where(agreement < SAME_OBJECT, 1, 1 - agreement)
    # The first prompted frame belongs to the forward track, and the last to the backward one.
    costs[0, 1] += changes[0]
    costs[-1, 0] += changes[-1]
    # A change shows in the masks of both frames.
    changes[1:] = np.maximum(changes[1:], changes[:-1])
    best = costs[0].copy()
    came = np.zeros((count, 2), np.int8)
    for number in range(1, count):
        stay, switch = best, best[::-1] + changes[number]
        came[number] = np.where(switch < stay, [1, 0], [0, 1])
        best = np.minimum(stay, switch) + costs[number]
    path = np.zeros(count, np.int8)
    path[-1] = np.argmin(best)
    for number in range(count - 1, 0, -1):
        path[number - 1] = came[number, path[number]]
    return path


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
