# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks as the objects with which detections are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sam_tracker.association.tracked_objects import CELLS, Sight, TrackedObjects, mask_share_table
from sam_tracker.tracking.track import Track, TrackState


def tracked_objects(tracks: Sequence[Track], stamp: int) -> TrackedObjects:
    """
    Return the objects on an image; computes their masks.

    :param stamp: of the image, in nanoseconds.
    """
    kept = [track for track in tracks if track.state is not TrackState.FORGOTTEN]
    sight = [_sight(track) for track in kept]
    boxes = [_box(track, each) for track, each in zip(kept, sight, strict=True)]
    masks = [mask_share_table(track.region, track.mask_crop) for track in kept]
    return TrackedObjects(
        stamp=stamp,
        ids=tuple(track.object_id for track in kept),
        labels=tuple(track.label for track in kept),
        sight=np.array(sight, np.int64),
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        masks=np.array(masks).reshape(-1, CELLS + 1, CELLS + 1),
    )


def _sight(track: Track) -> Sight:
    if track.state is TrackState.TRACKED:
        return Sight.SEEN
    return Sight.LOST if track.predicted_box is None else Sight.HIDDEN


def _box(track: Track, sight: Sight) -> NDArray[np.float64]:
    box = track.box if sight is Sight.SEEN else track.predicted_box
    return np.full(4, np.nan) if box is None else box
