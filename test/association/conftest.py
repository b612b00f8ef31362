# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of boxes, for tests of the association."""

import numpy as np

from sam_tracker.association.detections import Detections
from sam_tracker.association.tracked_objects import Sight, TrackedObjects, mask_share_table
from sam_tracker.core.time import SECOND

PERIOD = SECOND // 30


def detections(*boxes, scores=None, labels=None) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array([0.9] * count if scores is None else scores, np.float64),
        ('mug',) * count if labels is None else tuple(labels),
    )


def objects(stamp, boxes_by_id, *, labels=None, hidden=(), lost=()) -> TrackedObjects:
    """Return objects whose masks fill their boxes."""
    ids = tuple(boxes_by_id)
    sight = [
        Sight.LOST if each in lost else Sight.HIDDEN if each in hidden else Sight.SEEN
        for each in ids
    ]
    boxes = np.array([boxes_by_id[each] for each in ids], np.float64).reshape(-1, 4)
    boxes[[each in lost for each in ids]] = np.nan
    masks = np.array([mask_share_table(None, np.zeros((0, 0), np.uint8)) for _ in ids])
    return TrackedObjects(
        stamp=stamp,
        ids=ids,
        labels=('mug',) * len(ids) if labels is None else tuple(labels),
        sight=np.array(sight, np.int64),
        boxes=boxes,
        masks=masks.reshape(-1, *mask_share_table(None, np.zeros((0, 0), np.uint8)).shape),
    )


def one_colour(index: int) -> np.ndarray:
    histogram = np.zeros(64)
    histogram[index] = 1.0
    return histogram
