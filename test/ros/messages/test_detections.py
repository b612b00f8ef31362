# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks as vision_msgs, where it is installed."""

import numpy as np
import pytest

from sam_tracker.msg import ImageBox, Track, TrackArray
from sam_tracker.ros.messages import detections


@pytest.mark.skipif(not detections.INSTALLED, reason='vision_msgs is not installed')
def test_seen_objects_are_detections_with_centre_size_id_and_score():
    tracks = TrackArray()
    tracks.header.frame_id = 'camera'
    seen = Track(object_id=7, label='mug', state=Track.STATE_TRACKED, confidence=0.5)
    seen.box = ImageBox(x_min=10.0, y_min=20.0, x_max=30.0, y_max=60.0)
    tracks.tracks = [seen, Track(object_id=8, state=Track.STATE_LOST)]
    (detection,) = detections.detection_array(tracks).detections
    assert detection.header == tracks.header
    assert detection.id == '7'
    position = detection.bbox.center.position
    assert (position.x, position.y) == (20.0, 40.0)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (20.0, 40.0)
    assert detection.results[0].hypothesis.class_id == 'mug'
    assert detection.results[0].hypothesis.score == pytest.approx(0.5)


@pytest.mark.skipif(not detections.INSTALLED, reason='vision_msgs is not installed')
def test_detections_of_others_are_boxes_with_the_best_hypothesis():
    message = detections.Detection2DArray()
    for theta, scores in ((0.0, (np.nan, 0.3, 0.8)), (np.pi / 2, (1.0,)), (0.0, ())):
        detection = detections.Detection2D()
        detection.bbox.center.position.x, detection.bbox.center.position.y = 50.0, 40.0
        detection.bbox.center.theta = theta
        detection.bbox.size_x, detection.bbox.size_y = 20.0, 10.0
        for score in scores:
            hypothesis = detections.ObjectHypothesisWithPose()
            hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = f'of {score}', score
            detection.results.append(hypothesis)
        message.detections.append(detection)
    found, wrong = detections.detections_of_message(message)
    assert found.labels == ('of 0.8', 'of 1.0')
    assert found.scores.tolist() == [0.8, 1.0]
    assert found.boxes == pytest.approx(np.array([[40, 35, 60, 45], [45, 30, 55, 50]]))
    assert wrong == ['detection 2: the score nan is not from 0 to 1']
