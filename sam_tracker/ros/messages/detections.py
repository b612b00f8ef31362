# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks as vision_msgs/Detection2DArray, where that package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

__all__ = ['INSTALLED', 'Detection2DArray', 'detection_array']

if TYPE_CHECKING:
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
