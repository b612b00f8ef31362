# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Places as vision_msgs/Detection3DArray, where that package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

__all__ = ['INSTALLED', 'Detection3DArray', 'detection_3d_array']

if TYPE_CHECKING:
    from sam_tracker.msg import Track3D, Track3DArray


def detection_3d_array(tracks: Track3DArray) -> Detection3DArray:
    """
    Return the objects that were measured, with the same header; only where ``INSTALLED``.

    ``id`` is the object's id, ``class_id`` its label, ``bbox`` the box of the visible surface, and
    of no size where the distance is not from depth. Predicted objects are left out.
    """
    measured = (
        (tracks.tracks[0].METHOD_DEPTH, tracks.tracks[0].METHOD_GROUND) if tracks.tracks else ()
    )
    return Detection3DArray(
        header=tracks.header,
        detections=[_detection(each, tracks) for each in tracks.tracks if each.method in measured],
    )


def _detection(track: Track3D, tracks: Track3DArray) -> Detection3D:
    detection = Detection3D(header=tracks.header, id=str(track.object_id))
    hypothesis = ObjectHypothesisWithPose(pose=track.pose)
    hypothesis.hypothesis.class_id = track.label
    # The tracker has the scores; vision_msgs wants one.
    hypothesis.hypothesis.score = 1.0
    detection.results = [hypothesis]
    from_depth = track.method == track.METHOD_DEPTH
    centre = track.box_center if from_depth else track.pose.pose.position
    detection.bbox.center.position = centre
    detection.bbox.center.orientation.w = 1.0
    detection.bbox.size = track.box_size
    return detection
