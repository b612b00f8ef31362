# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The motion of the camera is used where it helps."""

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import numpy as np

from sam_tracker.core.boxes import box_iou
from sam_tracker.tracking.motion.camera_aware import CameraAwareBox
from sam_tracker.tracking.motion.kalman_box import KalmanBox
from sam_tracker.tracking.motion.parametrisation import WidthHeight

BOX = np.array([200.0, 150.0, 260.0, 230.0])


def shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def shaking(count):
    """Yield shifts of a camera that is held by a trembling hand."""
    random = np.random.default_rng(5)
    return [shift(*random.normal(0, 25, 2)) for _ in range(count)]


def foreseen(boxes, motions):
    """Return the IoU of the expected with the measured boxes, and the last estimate."""
    motion, overlaps = CameraAwareBox.start(WidthHeight(), boxes[0]), []
    for box, camera_motion in zip(boxes[1:], motions, strict=True):
        motion = motion.predict(1.0, camera_motion)
        overlaps.append(float(box_iou(motion.box, box)))
        motion = motion.update(box)
    return overlaps, motion


@given(moves=st.lists(st.tuples(st.floats(0.1, 4), st.floats(-30, 30)), min_size=1, max_size=15))
@hypothesis_settings(deadline=None)
def test_without_a_motion_of_the_camera_it_is_the_kalman_filter(moves):
    aware, plain = CameraAwareBox.start(WidthHeight(), BOX), KalmanBox.start(WidthHeight(), BOX)
    for steps, by in moves:
        aware, plain = aware.predict(steps), plain.predict(steps)
        np.testing.assert_array_equal(aware.box, plain.box)
        np.testing.assert_array_equal(aware.scores(BOX[None]), plain.scores(BOX[None]))
        aware, plain = aware.update(BOX + by), plain.update(BOX + by)
        np.testing.assert_array_equal(aware.velocity, plain.velocity)
        assert aware.mahalanobis_distance == plain.mahalanobis_distance


def test_what_stands_still_is_foreseen_under_a_shaking_camera():
    motions, boxes = shaking(40), [BOX]
    for motion in motions:
        boxes.append(boxes[-1] + np.tile(motion[:2, 2], 2))
    overlaps, _ = foreseen(boxes, motions)
    assert min(overlaps) > 0.99


def test_what_the_camera_follows_is_foreseen_where_it_stays():
    # The camera jerks after an object that so keeps its place in the image.
    overlaps, _ = foreseen([BOX] * 41, shaking(40))
    assert min(overlaps[2:]) > 0.99


def test_a_camera_that_stops_following_is_believed_again():
    motions, boxes = shaking(80), [BOX] * 21
    for motion in motions[20:]:
        boxes.append(boxes[-1] + np.tile(motion[:2, 2], 2))
    overlaps, motion = foreseen(boxes, motions)
    assert np.mean(overlaps[:20]) > 0.95
    assert np.mean(overlaps[-20:]) > 0.9
    assert motion.advantage > 0


def test_frames_without_a_known_motion_of_the_camera_are_bridged():
    motions = [motion if number % 3 else None for number, motion in enumerate(shaking(60))]
    boxes = [BOX]
    for motion in motions:
        by = np.zeros(4) if motion is None else np.tile(motion[:2, 2], 2)
        boxes.append(boxes[-1] + by)
    overlaps, _ = foreseen(boxes, motions)
    assert np.mean(overlaps) > 0.95
