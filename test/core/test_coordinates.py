# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from sam_tracker.core.coordinates import ImageScale

share = st.floats(0, 1)


def test_the_centre_of_a_pixel_is_a_whole_number_to_the_network():
    scale = ImageScale(128, 128, 128)
    points = scale.points_to_network(np.array([[0.5, 0.5], [10.5, 99.5]]))
    assert points.tolist() == [[0, 0], [10, 99]]


def test_a_box_of_one_pixel_is_that_pixel_to_the_network():
    scale = ImageScale(128, 128, 128)
    assert scale.box_to_network(np.array([3.0, 4, 4, 5])).tolist() == [[3, 4], [3, 4]]
    assert scale.box_to_image(np.array([3.0, 4, 3, 4])).tolist() == [3, 4, 4, 5]


def test_a_box_thinner_than_a_network_pixel_is_not_turned_inside_out():
    corners = ImageScale(1280, 1280, 128).box_to_network(np.array([3.0, 4, 4, 5]))
    assert (corners[1] >= corners[0]).all()


def test_a_box_without_extent_is_none():
    assert ImageScale(10, 10, 128).box_to_image(np.array([5.0, 5, 3, 9])) is None


def test_velocity_is_in_source_pixels_a_second():
    scale = ImageScale(640, 320, 128)
    assert scale.velocity_to_image(np.array([1.0, -2.0]), 50_000_000) == (100.0, -100.0)


@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    corners=st.tuples(share, share, share, share),
)
def test_a_box_comes_back_from_the_network_as_it_went(width, height, corners):
    scale = ImageScale(width, height, 256)
    x, y, far_x, far_y = corners
    box = np.array([x / 2, y / 2, 0.75 + far_x / 4, 0.75 + far_y / 4]) * [
        width,
        height,
        width,
        height,
    ]
    there = scale.box_to_network(box).reshape(4)
    np.testing.assert_allclose(scale.box_to_image(there), box, rtol=1e-9, atol=1e-9)


@given(
    origin=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    size=st.tuples(st.integers(20, 400), st.integers(20, 400)),
    corners=st.lists(st.floats(0, 800), min_size=4, max_size=4),
)
def test_a_box_keeps_its_place_in_the_image_between_two_parts_of_it(origin, size, corners):
    part, whole = ImageScale(*size, 128, origin=origin), ImageScale(800, 800, 128)
    low, high = np.sort(np.array(corners).reshape(2, 2), axis=0)
    box = np.concatenate((low, high + 20))
    in_part = part.box_to_network(box).reshape(4)
    back = whole.box_to_image(part.boxes_to(whole, in_part))
    # A box narrower than a network pixel is widened to it.
    assert np.abs(back - box).max() <= max(*part.pixel, *whole.pixel)
    np.testing.assert_array_equal(part.boxes_to(whole, np.zeros((3, 4))), 0)
