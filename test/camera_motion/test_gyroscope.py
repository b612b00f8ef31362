# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From angular velocities to the motion of the image."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.camera_motion.gyroscope import LONGEST_GAP, MOST_SAMPLES, Gyroscope
from sam_tracker.camera_motion.rotation import rotation_by, rotation_homography, rotation_of
from sam_tracker.core.time import SECOND

MILLISECOND = SECOND // 1000
CAMERA = np.array([[500, 0, 319.5], [0, 500, 239.5], [0, 0, 1.0]])
vectors = st.tuples(*[st.floats(-3, 3)] * 3).map(np.array)


def sampled(rates, period=5 * MILLISECOND, count=200):
    """Return a gyroscope that was read at regular times from 0 on."""
    gyroscope = Gyroscope()
    for number in range(count):
        gyroscope.add(number * period, np.array(rates(number * period / SECOND)))
    return gyroscope


@given(vector=vectors)
def test_a_rotation_keeps_lengths_and_handedness(vector):
    rotation = rotation_by(vector)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ vector, vector, atol=1e-12)


def test_roll_pitch_and_yaw_are_applied_in_this_order_about_fixed_axes():
    np.testing.assert_allclose(rotation_of(np.pi / 2, 0, 0) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    turned = rotation_of(np.pi / 2, 0, np.pi / 2) @ [0, 1, 0]
    np.testing.assert_allclose(turned, [0, 0, 1], atol=1e-12)


@given(rates=vectors, start=st.integers(0, 400), length=st.integers(0, 400))
def test_a_steady_turn_is_its_rate_times_the_time_exactly(rates, start, length):
    start, end = start * MILLISECOND, (start + length) * MILLISECOND
    found = sampled(lambda _: rates).rotation(start, end)
    expected = rotation_by(rates * length / 1000).T
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_turn_that_speeds_up_is_integrated():
    found = sampled(lambda t: (0, 0, 8 * t)).rotation(200 * MILLISECOND, 600 * MILLISECOND)
    np.testing.assert_allclose(
        found, rotation_by(np.array([0, 0, 4 * (0.36 - 0.04)])).T, atol=1e-3
    )


def test_two_turns_after_each_other_are_one():
    gyroscope = sampled(lambda t: (np.sin(9 * t), np.cos(7 * t), 1.0))
    first, second = gyroscope.rotation(0, 301 * MILLISECOND), None
    second = gyroscope.rotation(301 * MILLISECOND, 702 * MILLISECOND)
    whole = gyroscope.rotation(0, 702 * MILLISECOND)
    np.testing.assert_allclose(second @ first, whole, atol=2e-3)


def test_nothing_is_claimed_where_samples_are_missing():
    gyroscope = Gyroscope()
    assert gyroscope.rotation(0, 33 * MILLISECOND) is None
    for stamp in (0, 10, 20, 90, 100):
        gyroscope.add(stamp * MILLISECOND, np.ones(3))
    assert gyroscope.rotation(0, 33 * MILLISECOND) is not None
    assert gyroscope.rotation(0, 100 * MILLISECOND) is None
    assert gyroscope.rotation(100 * MILLISECOND, 101 * MILLISECOND + LONGEST_GAP) is None
    assert gyroscope.rotation(33 * MILLISECOND, 0) is None


def test_a_clock_that_starts_anew_forgets_what_was_before():
    gyroscope = sampled(lambda _: (1, 0, 0))
    gyroscope.add(0, np.zeros(3))
    np.testing.assert_array_equal(gyroscope.rotation(0, 20 * MILLISECOND), np.eye(3))


def test_a_sample_that_is_no_number_is_ignored():
    gyroscope = sampled(lambda _: (0, 1, 0))
    gyroscope.add(999 * MILLISECOND, np.array([np.nan, 0, 0]))
    assert np.isfinite(gyroscope.rotation(900 * MILLISECOND, 990 * MILLISECOND)).all()


def test_the_samples_that_are_kept_are_bounded():
    gyroscope = sampled(lambda _: (0, 1, 0), count=MOST_SAMPLES + 100)
    assert gyroscope.rotation(0, 20 * MILLISECOND) is None
    assert len(gyroscope._samples) == MOST_SAMPLES


def test_a_camera_that_turns_to_the_right_moves_the_image_to_the_left():
    # In the optical frame y points down: a positive turn about it is one to the right.
    gyroscope = sampled(lambda _: (0, 0.5, 0))
    rotation = gyroscope.rotation(0, 100 * MILLISECOND)
    homography = rotation_homography(CAMERA, rotation)
    x, y, w = homography @ [320, 240, 1]
    assert x / w - 320 == pytest.approx(-500 * np.tan(0.05))
    assert y / w == pytest.approx(240)


@given(
    vector=vectors.map(lambda vector: vector / 6), x=st.floats(-0.6, 0.6), y=st.floats(-0.4, 0.4)
)
def test_what_is_far_away_is_where_the_homography_says(vector, x, y):
    turn = rotation_by(vector)
    direction = np.array([x, y, 1.0])
    later = turn.T @ direction
    if later[2] < 0.2:
        return
    centre = np.array([0.5, 0.5, 0])
    before = CAMERA @ direction + centre
    after = CAMERA @ later / later[2] + centre
    moved = rotation_homography(CAMERA, turn.T) @ before
    np.testing.assert_allclose(moved / moved[2], after, atol=1e-6)
