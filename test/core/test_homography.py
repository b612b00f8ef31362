# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.homography import local_motion

turns = st.builds(
    lambda a, b, c, d, x, y, p, q: np.array([[1 + a, b, x], [c, 1 + d, y], [p, q, 1]]),
    *[st.floats(-0.2, 0.2)] * 4,
    *[st.floats(-50, 50)] * 2,
    *[st.floats(-1e-4, 1e-4)] * 2,
)
points = st.tuples(st.floats(0, 1000), st.floats(0, 1000)).map(np.array)


def mapped(homography, point):
    x, y, w = homography @ [*point, 1]
    return np.array([x / w, y / w])


@given(homography=turns, point=points, scale=st.sampled_from([1, -1, 0.01]))
def test_a_homography_of_any_scale_is_linear_near_a_point(homography, point, scale):
    moved = local_motion(scale * homography, point)
    np.testing.assert_allclose(moved.point, mapped(homography, point), atol=1e-9)
    offsets = np.eye(2) * 0.01
    columns = [
        (mapped(homography, point + offset) - mapped(homography, point - offset)) / 0.02
        for offset in offsets
    ]
    np.testing.assert_allclose(moved.jacobian, np.column_stack(columns), atol=1e-5)


def test_what_is_no_longer_in_front_of_the_camera_has_no_place():
    camera = np.array([[500, 0, 320], [0, 500, 240], [0, 0, 1]], float)
    angle = np.radians(100)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    homography = camera @ turn @ np.linalg.inv(camera)
    assert local_motion(homography, np.array([320.0, 240.0])) is None


@given(homography=turns, point=points, sides=st.tuples(st.floats(1, 300), st.floats(1, 300)))
def test_the_jacobian_of_the_sides_is_that_of_differences(homography, point, sides):
    moved, sides = local_motion(homography, point), np.array(sides)
    _, jacobian = moved.sides(sides)
    columns = [
        (moved.sides(sides + offset)[0] - moved.sides(sides - offset)[0]) / 2e-4
        for offset in np.eye(2) * 1e-4
    ]
    np.testing.assert_allclose(jacobian, np.column_stack(columns), atol=1e-5)


def test_turning_the_camera_to_and_fro_hardly_changes_the_sides():
    sides = np.array([40.0, 80.0])
    for angle in np.radians([4, -4] * 10):
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        sides, _ = local_motion(turn, np.zeros(2)).sides(sides)
    np.testing.assert_allclose(sides, [40, 80], rtol=0.15)


def test_zooming_in_enlarges_in_every_direction():
    moved = local_motion(np.diag([2.0, 2.0, 1.0]), np.array([10.0, 20.0]))
    assert moved.scale == pytest.approx(2)
    np.testing.assert_allclose(moved.sides(np.array([3.0, 4.0]))[0], [6, 8])
