# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Identity switches: whether a tracker stays on its object."""

import numpy as np
from numpy.typing import NDArray

from sam_tracker.evaluation.sequence import ObjectIds

NOBODY = 0
"""Identity of a mask that is none of the objects."""
MATCH_OVERLAP = 0.5
"""Overlap from which on a mask is an object's; at most one object can have more."""


def identity(mask: NDArray[np.bool_], object_ids: ObjectIds) -> int:
    """
    Return the id of the object that a mask [H, W] shows, or NOBODY.

    :param object_ids: [H, W] which object is seen at each pixel, 0 for none.
    """
    counts = np.bincount(object_ids[mask], minlength=1)
    counts[0] = 0
    best = int(counts.argmax())
    shared = int(counts[best])
    union = np.count_nonzero(mask) + np.count_nonzero(object_ids == best) - shared
    return best if shared and shared >= MATCH_OVERLAP * union else NOBODY


def identity_switches(identities: NDArray[np.int64]) -> int:
    """
    Return how often identities [T] change from one object to another.

    Frames without an identity are skipped, as in CLEAR MOT (Bernardin and
    Stiefelhagen, 2008).
    """
    known = identities[identities != NOBODY]
    return int(np.count_nonzero(np.diff(known)))
