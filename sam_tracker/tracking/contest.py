# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Who keeps the pixels that the masks of two objects have in common.

Objects are settled in the order of their support. A track gives the pixels it shares with a
better supported one to that one. When hardly any of its pixels are left to it, it has not found
its own object but followed the other: it is a duplicate, gives up the whole mask, and counts as
not seen.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Claim:
    """What one object claims on a frame."""

    object_id: int
    support: float
    """How well the track is supported; see ``support``."""
    may_share: Collection[int]
    """Objects with which it overlapped when it was prompted, such as the mug of a handle."""


@dataclass(frozen=True)
class Settlement:
    """How O claims were settled."""

    losses: list[tuple[int, list[int]]]
    """The objects that lose pixels, best supported first, and to which objects each does."""
    duplicate_of: list[int]
    """For each object the id of the object that it duplicates, or 0."""


def support(affinity: float, motion_score: float | None) -> float:
    """
    Return the mean of mask affinity and motion score, 0 to 1.

    A mask where the object was expected speaks for the track; one whose motion is not trusted,
    because it was just prompted or just lost, has that half of the support still to earn.
    """
    return (affinity + (motion_score or 0.0)) / 2


def settle(
    claims: Sequence[Claim], intersections: NDArray[np.float64], duplicate_share: float
) -> Settlement:
    """
    Settle the claims of O objects on one frame.

    :param intersections: [O, O] how much the masks of two objects have in common, in any unit;
        on the diagonal their sizes.
    :param duplicate_share: share of a mask in a better supported one from which on the track is
        a duplicate.
    """
    losses: list[tuple[int, list[int]]] = []
    duplicate_of = [0] * len(claims)
    order = sorted(
        range(len(claims)), key=lambda index: (-claims[index].support, claims[index].object_id)
    )
    for rank, loser in enumerate(order):
        winners = [
            winner
            for winner in order[:rank]
            if intersections[loser, winner] > 0
            and not duplicate_of[winner]
            and claims[winner].object_id not in claims[loser].may_share
        ]
        if not winners:
            continue
        losses.append((loser, winners))
        most = max(winners, key=lambda winner: intersections[loser, winner])
        if intersections[loser, most] >= duplicate_share * intersections[loser, loser]:
            duplicate_of[loser] = claims[most].object_id
    return Settlement(losses, duplicate_of)
