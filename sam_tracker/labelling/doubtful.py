# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the labels that a person should review first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sam_tracker.labelling.labels import LabelledImage

THRESHOLD = 0.5
"""Doubt from which a label should be reviewed."""
GAP = 5
"""Images without doubt that do not end a doubtful stretch."""


@dataclass(frozen=True)
class DoubtfulStretch:
    """Images in a row on which the labels of one object are in doubt."""

    object_id: int
    first: int
    """Number of the first image."""
    last: int
    worst: int
    """Number of the image with the highest doubt."""
    doubt: float
    """The highest."""
    total: float
    """Sum over the images, by which stretches are ordered."""


def doubtful_stretches(images: Iterable[LabelledImage]) -> list[DoubtfulStretch]:
    """
    Return all stretches in doubt, the worst first.

    :param images: of a recording, in order.
    """
    found: list[DoubtfulStretch] = []
    current: dict[int, DoubtfulStretch] = {}
    for image in images:
        for track in image.tracks:
            if track.doubt < THRESHOLD:
                continue
            number, stretch = image.number, current.get(track.object_id)
            if stretch is None or number - stretch.last > GAP:
                if stretch is not None:
                    found.append(stretch)
                stretch = DoubtfulStretch(track.object_id, number, number, number, 0.0, 0.0)
            if track.doubt > stretch.doubt:
                stretch = replace(stretch, worst=number, doubt=track.doubt)
            total = stretch.total + track.doubt
            current[track.object_id] = replace(stretch, last=number, total=total)
    found += current.values()
    return sorted(found, key=lambda each: (-each.total, each.first, each.object_id))
