# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.boxes import box_iou
from sam_tracker.tracking.motion.kalman_box import KalmanBox, process_noise
from sam_tracker.tracking.motion.parametrisation import AspectHeight, WidthHeight

both = pytest.mark.parametrize('parametrisation', [WidthHeight(), AspectHeight()])
side = st.floats(1, 400)
corner = st.floats(-500, 1500)
boxes = st.builds(
    lambda x, y, width, height: np.array([x, y, x + width, y + height]), corner, corner, side, side
)
steps = st.one_of(st.just(1.0), st.floats(0.01, 8))
moves = st.lists(st.tuples(steps, st.one_of(st.none(), boxes)), min_size=1, max_size=25)


def follow(parametrisation, first, moves):
    motion = KalmanBox.start(parametrisation, first)
    for step, box in moves:
        motion = motion.predict(step)
        if box is not None:
            motion = motion.update(box)
    return motion


def walk(count, start=(100.0, 60.0, 180.0, 100.0), velocity=(3.0, -2.0, 3.5, -1.0)):
    return [np.array(start) + n * np.array(velocity) for n in range(count)]


class Reference:
    """The equations of the released code (state x, y, aspect, height), one period a step."""

    def __init__(self, box):
        z = self.measurement(box)
        self.x = np.r_[z, np.zeros(4)]
        deviation = np.array([0.1, 0.1, 0, 0.1, 1 / 16, 1 / 16, 0, 1 / 16]) * z[3]
        deviation[2], deviation[6] = 1e-2, 1e-5
        self.p = np.diag(deviation**2)

    @staticmethod
    def measurement(box):
        width, height = box[2] - box[0], box[3] - box[1]
        return np.array([box[0] + width / 2, box[1] + height / 2, width / height, height])

    def predict(self):
        f = np.eye(8) + np.eye(8, k=4)
        deviation = np.array([0.05, 0.05, 0, 0.05, *([1 / 160] * 4)]) * self.x[3]
        deviation[2], deviation[6] = 1e-2, 1e-5
        self.x = f @ self.x
        self.p = f @ self.p @ f.T + np.diag(deviation**2)

    def update(self, box):
        h = np.eye(4, 8)
        deviation = np.array([0.05, 0.05, 0, 0.05]) * self.x[3]
        deviation[2] = 1e-1
        s = h @ self.p @ h.T + np.diag(deviation**2)
        gain = self.p @ h.T @ np.linalg.inv(s)
        self.x = self.x + gain @ (self.measurement(box) - h @ self.x)
        self.p = self.p - gain @ s @ gain.T


def test_equal_steps_are_the_reference_exactly():
    path = [box + np.sin(n) for n, box in enumerate(walk(60))]
    reference = Reference(path[0])
    motion = KalmanBox.start(AspectHeight(), path[0])
    for n, box in enumerate(path[1:]):
        reference.predict()
        motion = motion.predict(1.0)
        if n % 7:
            reference.update(box)
            motion = motion.update(box)
        np.testing.assert_allclose(motion.mean, reference.x, rtol=1e-11, atol=1e-10)
        np.testing.assert_allclose(motion.covariance, reference.p, rtol=1e-9, atol=1e-12)


@both
@given(first=boxes, moves=moves)
@hypothesis_settings(deadline=None, max_examples=60)
def test_the_covariance_stays_symmetric_and_positive_definite(parametrisation, first, moves):
    covariance = follow(parametrisation, first, moves).covariance
    scale = np.sqrt(np.diag(covariance))
    assert np.all(scale > 0)
    correlation = covariance / np.outer(scale, scale)
    np.testing.assert_allclose(correlation, correlation.T, atol=1e-9)
    assert np.linalg.eigvalsh(correlation).min() > 0


@both
def test_a_long_watch_settles_instead_of_drifting(parametrisation):
    motion = follow(parametrisation, walk(1)[0], [(1.0, walk(1)[0])] * 4000)
    settled = motion.covariance.copy()
    np.testing.assert_allclose(settled, settled.T, rtol=1e-12, atol=1e-15)
    for _ in range(1000):
        motion = motion.predict(1.0).update(walk(1)[0])
    # The aspect's velocity is believed so firmly that it takes thousands of frames to settle.
    np.testing.assert_allclose(motion.covariance, settled, rtol=1e-2, atol=1e-12)
    np.testing.assert_allclose(motion.box, walk(1)[0], atol=1e-6)


@both
@given(first=boxes, moves=moves, by=st.tuples(corner, corner))
@hypothesis_settings(deadline=None, max_examples=60)
def test_moving_the_picture_moves_the_box_alone(parametrisation, first, moves, by):
    shift = np.array([*by, *by])
    here = follow(parametrisation, first, moves)
    there = follow(
        parametrisation,
        first + shift,
        [(step, None if box is None else box + shift) for step, box in moves],
    )
    tolerance = 1e-7 * (1 + np.abs(here.box).max())
    np.testing.assert_allclose(there.box, here.box + shift, rtol=0, atol=tolerance)
    np.testing.assert_allclose(there.velocity, here.velocity, rtol=1e-6, atol=tolerance)


@both
@given(first=boxes, moves=moves, scale=st.floats(0.25, 4))
@hypothesis_settings(deadline=None, max_examples=60)
def test_enlarging_the_picture_enlarges_box_and_velocity_alike(
    parametrisation, first, moves, scale
):
    here = follow(parametrisation, first, moves)
    there = follow(
        parametrisation,
        first * scale,
        [(step, None if box is None else box * scale) for step, box in moves],
    )
    tolerance = 1e-6 * scale * (1 + np.abs(here.box).max())
    np.testing.assert_allclose(there.box, here.box * scale, rtol=0, atol=tolerance)
    np.testing.assert_allclose(there.velocity, here.velocity * scale, rtol=0, atol=tolerance)
    assert there.mahalanobis_distance == pytest.approx(here.mahalanobis_distance, rel=1e-4)


@both
def test_a_steady_walk_is_foreseen(parametrisation):
    path = walk(60)
    motion = follow(parametrisation, path[0], [(1.0, box) for box in path[1:-1]])
    motion = motion.predict(1.0)
    assert box_iou(motion.box, path[-1]) > 0.92
    np.testing.assert_allclose(motion.velocity, [3.25, -1.5], atol=0.1)


@both
def test_dropped_frames_are_one_long_step(parametrisation):
    path = walk(60)
    motion = follow(parametrisation, path[0], [(1.0, box) for box in path[1:50]])
    motion = motion.predict(10.0)
    assert box_iou(motion.box, path[59]) > 0.8
    late = follow(parametrisation, path[0], [(1.0, box) for box in path[1:50]])
    late = late.predict(1.0)
    assert box_iou(late.box, path[59]) < 0.6


@given(
    position=st.floats(0.5, 20),
    share=st.floats(0.01, 1),
    parts=st.lists(st.floats(0.05, 5), min_size=1, max_size=6),
)
def test_the_noise_of_steps_adds_up_to_that_of_their_sum(position, share, parts):
    position, velocity = np.array([position]), np.array([position * share])
    total = np.zeros((2, 2))
    for part in parts:
        transition = np.array([[1, part], [0, 1]])
        total = transition @ total @ transition.T + process_noise(position, velocity, part)
    whole = process_noise(position, velocity, sum(parts))
    np.testing.assert_allclose(total, whole, rtol=1e-9, atol=1e-12)
    assert np.linalg.eigvalsh(whole).min() > 0


def test_the_noise_of_one_period_is_the_references():
    noise = process_noise(np.array([3.0, 4.0]), np.array([0.5, 0.25]), 1.0)
    np.testing.assert_array_equal(noise, np.diag([9, 16, 0.25, 0.0625]))


def test_a_surprise_lies_many_deviations_off():
    path = walk(40)
    motion = follow(WidthHeight(), path[0], [(1.0, box) for box in path[1:]])
    assert motion.mahalanobis_distance < 0.5
    motion = motion.predict(1.0)
    assert np.all(path[-1][:2] + 80 - motion.box[:2] > 60)
    assert motion.update(path[-1] + 80).mahalanobis_distance > 5


def test_a_step_back_in_time_is_refused_by_value():
    motion = follow(WidthHeight(), walk(1)[0], [])
    with pytest.raises(ValueError, match=r'-0\.5'):
        motion.predict(-0.5)


def shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


@both
@given(first=boxes, moves=moves, scale=st.floats(0.25, 4), by=st.tuples(corner, corner))
@hypothesis_settings(deadline=None, max_examples=60)
def test_a_camera_that_zooms_and_pans_carries_the_whole_estimate(
    parametrisation, first, moves, scale, by
):
    zoom = np.diag([scale, scale, 1]) @ shift(*by)
    pan = np.array([*by, *by])
    seen = follow(parametrisation, first, moves).predict(0.0, zoom)
    there = follow(
        parametrisation,
        (first + pan) * scale,
        [(step, None if box is None else (box + pan) * scale) for step, box in moves],
    )
    if (np.abs(there.box[2:] - there.box[:2]) < 1e-6 * scale).any():
        return
    size = 1 + np.abs(there.box).max()
    # A filter without measurements may let a size pass through zero; its amount is what counts.
    np.testing.assert_allclose(
        np.abs(seen.box[2:] - seen.box[:2]),
        np.abs(there.box[2:] - there.box[:2]),
        rtol=1e-6,
        atol=1e-6 * size,
    )
    np.testing.assert_allclose(seen.velocity, there.velocity, rtol=1e-6, atol=1e-6 * size)
    np.testing.assert_allclose(
        np.diag(seen.covariance), np.diag(there.covariance), rtol=1e-6, atol=1e-9 * size**2
    )


@both
def test_a_shaking_camera_is_not_taken_for_the_objects_motion(parametrisation):
    random = np.random.default_rng(3)
    box, told, untold = walk(1)[0], None, None
    found = {'told': [], 'untold': []}
    for number in range(60):
        motion = shift(*random.normal(0, 25, 2))
        box = box + np.tile(motion[:2, 2], 2)
        if number == 0:
            told = untold = KalmanBox.start(parametrisation, box)
            continue
        told, untold = told.predict(1.0, motion), untold.predict(1.0)
        found['told'].append(box_iou(told.box, box))
        found['untold'].append(box_iou(untold.box, box))
        told, untold = told.update(box), untold.update(box)
    assert np.mean(found['told']) > 0.99
    assert np.mean(found['untold']) < 0.6
    np.testing.assert_allclose(told.velocity, 0, atol=0.01)


@both
def test_a_camera_that_rolls_carries_position_velocity_and_their_uncertainty(parametrisation):
    motion = follow(parametrisation, walk(1)[0], [(1.0, box) for box in walk(30)[1:]])
    roll = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    seen = motion.predict(0.0, roll)
    x, y = motion.mean[:2]
    np.testing.assert_allclose(seen.mean[:2], [-y, x], atol=1e-9)
    np.testing.assert_allclose(seen.velocity, [-motion.velocity[1], motion.velocity[0]])
    width, height = motion.box[2:] - motion.box[:2]
    np.testing.assert_allclose(seen.box[2:] - seen.box[:2], [height, width])
    np.testing.assert_allclose(seen.covariance[:2, :2], motion.covariance[1::-1, 1::-1])


@both
def test_a_camera_that_turned_away_leaves_the_estimate_as_it_is(parametrisation):
    motion = follow(parametrisation, walk(1)[0], [])
    away = np.array([[0, 0, 500], [0, 1, 0], [-0.05, 0, 0.01]])
    np.testing.assert_array_equal(motion.predict(0.0, away).box, motion.box)
