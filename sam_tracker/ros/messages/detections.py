# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks as vision_msgs/Detection2DArray, and back to detections, where that is installed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sam_tracker.association.detections import Detections, checked

try:
    from vision_msgs.msg import (
        Detection2D,
        Detection2DArray,
        ObjectHypothesis,
        ObjectHypothesisWithPose,
    )
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

__all__ = ['INSTALLED', 'Detection2DArray', 'detection_array', 'detections_of_message']

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam_tracker.msg import Track, TrackArray


def detection_array(tracks: TrackArray) -> Detection2DArray:
    """
    Return the visible objects as detections, with the same header; only where ``INSTALLED``.

    ``id`` is the object's id, ``class_id`` its label, ``score`` its confidence. Objects that are
    occluded or lost are left out.
    """
    seen = [track for track in tracks.tracks if track.state == track.STATE_TRACKED]
    detections = [_detection(track, tracks) for track in seen]
    return Detection2DArray(header=tracks.header, detections=detections)


def _detection(track: Track, tracks: TrackArray) -> Detection2D:
    detection = Detection2D(header=tracks.header, id=str(track.object_id))
    detection.bbox.center.position.x = (track.box.x_min + track.box.x_max) / 2
    detection.bbox.center.position.y = (track.box.y_min + track.box.y_max) / 2
    detection.bbox.size_x = track.box.x_max - track.box.x_min
    detection.bbox.size_y = track.box.y_max - track.box.y_min
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = track.label
    hypothesis.hypothesis.score = float(track.confidence)
    detection.results = [hypothesis]
    return detection


def detections_of_message(message: Detection2DArray) -> tuple[Detections, list[str]]:
    """
    Convert what a detector has published.

    A detection has label and score of its best hypothesis; an upright box is taken around one that
    is rotated.

    :returns: the valid detections, and what is wrong with each of the others.
    """
    boxes, scores, labels = [], [], []
    for detection in message.detections:
        box = detection.bbox
        # What is not finite gives boxes that are not, which are refused by name.
        with np.errstate(invalid='ignore', over='ignore'):
            size = abs(_rotation(box.center.theta)) @ (box.size_x, box.size_y)
        centre = np.array((box.center.position.x, box.center.position.y))
        boxes.append((*(centre - size / 2), *(centre + size / 2)))
        # Without a hypothesis, or with no score that is a number, the score is NaN: refused.
        hypotheses = [each.hypothesis for each in detection.results]
        best = max(hypotheses, key=_rank, default=None)
        scores.append(np.nan if best is None else best.score)
        labels.append('' if best is None else best.class_id)
    array = np.array(boxes, np.float64).reshape(-1, 4)
    return checked(array, np.array(scores, np.float64), labels)


def _rank(hypothesis: ObjectHypothesis) -> float:
    """Return the score of a hypothesis; less than all others if it is not a number."""
    return -math.inf if math.isnan(hypothesis.score) else float(hypothesis.score)


def _rotation(angle: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array(((cosine, -sine), (sine, cosine)))
