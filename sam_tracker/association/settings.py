# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the association of detections with tracked objects."""

from __future__ import annotations

from dataclasses import dataclass

from sam_tracker.core.time import SECOND


@dataclass(frozen=True)
class AssociationSettings:
    """Settings of an ``Associator``."""

    new_objects: bool = False
    """Whether confirmed detections of what is not tracked start new objects."""
    find_again: bool = True
    """Whether confirmed detections of objects that are not visible prompt them again."""
    correct: bool = False
    """Whether confirmed detections that contradict the mask of an object prompt it again."""
    labels: frozenset[str] = frozenset()
    """Labels that are used; empty: all."""
    by_label: bool = True
    """Whether an object is only matched with detections of its own label, where both have one."""
    minimum_score: float = 0.5
    """Score below which a detection is ignored."""
    sure_score: float = 0.7
    """Score from which a detection may contradict the tracker."""
    match_iou: float = 0.3
    """IoU of boxes from which a detection is that of an object."""
    agree_iou: float = 0.5
    """IoU of boxes below which a matched detection contradicts the mask of its object."""
    confirmations: int = 3
    """Images on which something must be detected before it has an effect ..."""
    window: int = 5
    """... of that many images in a row."""
    similar: float = 0.7
    """Similarity of colours (``appearance.similarity``) from which two objects may be one."""
    most_detections: int = 100
    """Detections that are used of one image; those of the highest scores."""
    most_objects: int = 16
    """Objects at a time that detections have started."""
    forget_after: int = 10 * SECOND
    """Nanoseconds after which an object that detections have started, and nobody sees, is removed;
    0: never."""
