# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which part of a frame an object is looked for in."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from sam_tracker.core.boxes import Region
from sam_tracker.core.time import SECOND
from sam_tracker.tracking.closer_look.focus import GROWTH, MOST_MISSES, SIDES, Focus, window

IMAGE = (1280, 720)
WHOLE = Region(0, 0, *IMAGE)
PERIOD = SECOND // 30
NETWORK = 224


def box(x, y, side):
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


def test_a_small_object_at_rest_gets_a_window_of_so_many_sides_around_it():
    region = Focus.on(box(600, 300, 40), IMAGE, 0).region(PERIOD, NETWORK)
    assert region == window(np.array([600.0, 300.0]), SIDES * 40, WHOLE)
    assert (region.width, region.height) == (160, 160)


def test_a_large_object_is_looked_for_in_the_whole_image():
    assert Focus.on(box(600, 360, 400), IMAGE, 0).region(PERIOD, NETWORK) == WHOLE


def test_a_window_is_never_much_finer_than_the_input_of_the_network():
    region = Focus.on(box(600, 300, 4), IMAGE, 0).region(PERIOD, NETWORK)
    assert region.width == NETWORK // 2


def test_a_moving_object_is_looked_for_ahead_and_in_a_wider_window():
    focus = Focus.on(box(300, 300, 40), IMAGE, 0)
    for number in range(1, 8):
        focus = focus.after(box(300 + 12 * number, 300, 40), number * PERIOD)
    region = focus.region(8 * PERIOD, NETWORK)
    assert abs(region.x + region.width / 2 - (300 + 12 * 8)) < 2
    assert region.width > SIDES * 40


def test_the_window_of_an_object_that_is_not_seen_grows_into_the_whole_image():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    widths = []
    for number in range(1, MOST_MISSES + 3):
        focus = focus.after(None, number * PERIOD)
        widths.append(focus.region((number + 1) * PERIOD, NETWORK).width)
    assert widths[0] == round(SIDES * 40 * GROWTH)
    assert widths == sorted(widths)
    assert focus.region(99 * PERIOD, NETWORK) == WHOLE


def test_one_odd_box_changes_the_scale_by_little():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0).after(box(600, 300, 80), PERIOD)
    assert 40 < focus.size < 52


@given(
    centre=st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)),
    side=st.floats(1, 5000),
    size=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)
def test_a_window_lies_inside_the_image(centre, side, size):
    region = window(np.array(centre), side, Region(0, 0, *size))
    assert region.x >= 0
    assert region.y >= 0
    assert region.x + region.width <= size[0]
    assert region.y + region.height <= size[1]


def test_the_window_follows_the_turn_of_the_camera():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    turn = np.array([[1, 0, -150], [0, 1, 80], [0, 0, 1.0]])
    region = focus.seen_after(turn).region(PERIOD, NETWORK)
    assert region == window(np.array([450.0, 380.0]), SIDES * 40, WHOLE)


def test_the_window_of_an_object_that_a_zoom_enlarges_grows_with_it():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0).seen_after(np.diag([1.5, 1.5, 1]))
    assert focus.region(PERIOD, NETWORK).width == SIDES * 60


def test_a_turn_of_the_camera_is_no_speed_of_the_object():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    turn = np.array([[1, 0, -30], [0, 1, 0], [0, 0, 1.0]])
    for number in range(1, 6):
        focus = focus.seen_after(turn).after(box(600 - 30 * number, 300, 40), number * PERIOD)
    assert focus.speed < 1e-6
