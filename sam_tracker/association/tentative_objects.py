# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Detected objects that are not tracked yet, until enough detections confirm them."""

from __future__ import annotations

from dataclasses import dataclass, field
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.association.assignment import assigned
from sam_tracker.association.detections import Detections
from sam_tracker.association.settings import AssociationSettings
from sam_tracker.association.tracked_objects import same_labels
from sam_tracker.association.votes import Votes
from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.core.time import SECOND

MOST = 128
"""Most objects kept this way; further ones are ignored, so that memory is bounded."""
LASTING = 3
"""Windows without a detection after which what was confirmed is forgotten; else one."""
SETTLING = SECOND
"""Nanoseconds after a prompt for which its detections mean the object that it started."""


@dataclass(eq=False)
class Tentative:
    """An unconfirmed object."""

    box: Box
    """Of the newest detection."""
    label: str
    score: float
    since: float
    """Stamp of the first detection; infinite from when its object is seen to the next one."""
    votes: Votes
    believed: bool = False
    """Whether it has ever been confirmed."""
    silence: int = 0
    """Images since the last detection."""
    quiet_until: int | None = None
    """Stamp until which its detections mean the object that was prompted; None: it led to none."""


@dataclass(eq=False)
class TentativeObjects:
    """Follows detections from image to image by the overlap of their boxes."""

    settings: AssociationSettings
    _tentative: list[Tentative] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._tentative)

    def configure(self, settings: AssociationSettings) -> None:
        """Change the settings; unconfirmed objects are dropped if votes count differently."""
        before = (self.settings.confirmations, self.settings.window)
        if (settings.confirmations, settings.window) != before:
            # What has led to a prompt must not lead to another one.
            self._tentative = [each for each in self._tentative if each.quiet_until is not None]
            for each in self._tentative:
                each.votes = Votes(settings.confirmations, settings.window)
        self.settings = settings

    def object_seen(self, boxes: NDArray[np.float64]) -> None:
        """
        Let what led to a prompt count as first detected when it is detected next.

        It was the object that is seen there now, not another thing beside it: when that is lost
        again, the next detection there may be it.

        :param boxes: [N, 4] half open boxes, in pixels, of the objects that are seen.
        """
        for each in self._tentative:
            if each.quiet_until is None:
                continue
            if (box_iou(each.box, boxes) >= self.settings.match_iou).any():
                each.since = math.inf

    def update(self, detections: Detections, stamp: int) -> list[Tentative]:
        """
        Add the detections of an image that are those of no tracked object.

        :param stamp: of the image, in nanoseconds.
        :returns: what is confirmed on this image and has led to no prompt lately, surest first.
        """
        known = self._tentative
        boxes = np.array([each.box for each in known]).reshape(-1, 4)
        overlaps = box_iou(boxes[:, None], detections.boxes[None])
        if self.settings.by_label:
            overlaps = overlaps * same_labels([each.label for each in known], detections.labels)
        overlaps[overlaps < self.settings.match_iou] = 0.0
        found = dict(assigned(overlaps))
        confirmed = []
        for index, each in enumerate(known):
            column = found.get(index)
            if column is not None:
                each.box, each.score = detections.boxes[column], float(detections.scores[column])
                each.label = each.label or detections.labels[column]
                each.since = min(each.since, stamp)
            each.silence = 0 if column is not None else each.silence + 1
            if each.votes.add(detected=column is not None):
                each.believed = True
                if each.quiet_until is None or stamp > each.quiet_until:
                    confirmed.append(each)
        self._tentative = [each for each in known if not self._is_over(each)]
        # What overlaps a thing that is known is another view of it.
        near = (overlaps > 0).any(axis=0)
        confirmed += self._begin(detections, np.flatnonzero(~near), stamp)
        return sorted(confirmed, key=lambda each: -each.score)

    def _begin(
        self, detections: Detections, rows: NDArray[np.intp], stamp: int
    ) -> list[Tentative]:
        """Add things that were never seen before; return those that need no confirmation."""
        confirmed = []
        for row in rows[: MOST - len(self._tentative)]:
            votes = Votes(self.settings.confirmations, self.settings.window)
            each = Tentative(
                detections.boxes[row],
                detections.labels[row],
                float(detections.scores[row]),
                stamp,
                votes,
            )
            self._tentative.append(each)
            if votes.add(detected=True):
                each.believed = True
                confirmed.append(each)
        return confirmed

    def _is_over(self, each: Tentative) -> bool:
        # It must not seem to be another thing because it was missed for a moment.
        windows = LASTING if each.believed else 1
        return each.silence >= windows * self.settings.window
