# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of detections that come in: what they may do to the tracked objects."""

from __future__ import annotations

from dataclasses import dataclass

from sam_tracker.association.settings import AssociationSettings
from sam_tracker.core.time import SECOND
from sam_tracker.ros.parameters.declaration import Change, declared

DEFAULTS = AssociationSettings()
LIVE = Change.LIVE


@dataclass(frozen=True)
class DetectionParameters:
    """Detections on ``~/detections_in``."""

    new_objects: bool = declared(
        DEFAULTS.new_objects,
        'Start tracking what is detected and not tracked.',
        change=LIVE,
    )
    find_again: bool = declared(
        DEFAULTS.find_again,
        'Prompt an object where it is detected again (same label, similar colours) while it is '
        'not visible, or while something of other colours is tracked. It keeps its id.',
        change=LIVE,
    )
    correct: bool = declared(
        DEFAULTS.correct,
        'Prompt a visible object with the box of a detection that contradicts its mask.',
        change=LIVE,
    )
    labels: str = declared(
        '',
        'Labels (class ids) that are used, separated by commas. Empty: all.',
        change=LIVE,
    )
    by_label: bool = declared(
        DEFAULTS.by_label,
        'Match an object only with detections of its own label, where both have one.',
        change=LIVE,
    )
    minimum_score: float = declared(
        DEFAULTS.minimum_score,
        'Detections with a lower score are ignored.',
        change=LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    sure_score: float = declared(
        DEFAULTS.sure_score,
        'Score from which a detection may contradict the tracker (find_again, correct).',
        change=LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    match_iou: float = declared(
        DEFAULTS.match_iou,
        'IoU of the boxes from which a detection is matched with an object.',
        change=LIVE,
        minimum=0.05,
        maximum=1.0,
    )
    agree_iou: float = declared(
        DEFAULTS.agree_iou,
        'IoU of the boxes below which a matched detection contradicts the mask.',
        change=LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    confirmations: int = declared(
        DEFAULTS.confirmations,
        'Images, of the last `window` ones, on which something must be detected before it has '
        'an effect.',
        change=LIVE,
        minimum=1,
        maximum=100,
    )
    window: int = declared(
        DEFAULTS.window,
        'See confirmations; at least as many.',
        change=LIVE,
        minimum=1,
        maximum=100,
    )
    similarity: float = declared(
        DEFAULTS.similar,
        'Similarity of colours (Bhattacharyya coefficient) from which a detection may be an '
        'object that is not visible.',
        change=LIVE,
        minimum=0.0,
        maximum=1.0,
    )
    maximum_detections: int = declared(
        DEFAULTS.most_detections,
        'Detections of one image that are used, those of the highest scores.',
        change=LIVE,
        minimum=1,
        maximum=1000,
    )
    maximum_objects: int = declared(
        DEFAULTS.most_objects,
        'Objects at a time that detections may start.',
        change=LIVE,
        minimum=1,
        maximum=65535,
    )
    forget_after: float = declared(
        DEFAULTS.forget_after / SECOND,
        'Time after which an object that detections have started, and that neither the tracker '
        'nor the detector sees, is removed. 0: never.',
        change=LIVE,
        minimum=0.0,
        maximum=3600.0,
        unit='s',
    )

    def association(self) -> AssociationSettings:
        """Return the settings of the association, in its units."""
        labels = (label.strip() for label in self.labels.split(','))
        return AssociationSettings(
            new_objects=self.new_objects,
            find_again=self.find_again,
            correct=self.correct,
            labels=frozenset(filter(None, labels)),
            by_label=self.by_label,
            minimum_score=self.minimum_score,
            sure_score=self.sure_score,
            match_iou=self.match_iou,
            agree_iou=self.agree_iou,
            confirmations=self.confirmations,
            window=max(self.window, self.confirmations),
            similar=self.similarity,
            most_detections=self.maximum_detections,
            most_objects=self.maximum_objects,
            forget_after=round(self.forget_after * SECOND),
        )
