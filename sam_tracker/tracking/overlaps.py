# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Assigns pixels that several masks claim to one object each.

A track gives the pixels it shares with a better supported one to that one. When hardly any of its
pixels are left, it has not found its own object but switched to the other: it is a duplicate,
gives up the whole mask, and counts as not seen.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Claim:
    """The claim of one object to the pixels of its mask on a frame."""

    object_id: int
    support: float
    """How well the track is supported; see ``support``."""
    may_share: Collection[int]
    """Objects that it may have pixels in common with, such as the mug of a handle."""


@dataclass(frozen=True)
class Resolution:
    """Who loses pixels among O claims."""

    losses: list[tuple[int, list[int]]]
    """Indices of the claims that lose pixels, best supported first, and of those that win them."""
    duplicate_of: list[int]
    """For each claim the id of the object that it duplicates, or 0."""


def support(affinity: float, motion_score: float | None) -> float:
    """
    Return the mean of mask affinity and motion score, 0 to 1.

    A mask where the object was expected supports its track. A track whose motion is not trusted,
    because it was just prompted or just lost, has no motion score yet, which counts as 0.
    """
    return (affinity + (motion_score or 0.0)) / 2


def resolve_overlaps(
    claims: Sequence[Claim], intersections: NDArray[np.float64], duplicate_share: float
) -> Resolution:
    """
    Decide who loses pixels among O objects on one frame, in the order of their support.

    :param claims: of equal support the lower id wins.
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
    return Resolution(losses, duplicate_of)
