# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which part of a frame an object is looked for in."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.boxes import Region
from sam_tracker.core.time import SECOND
from sam_tracker.tracking.closer_look.focus import (
    GROWTH,
    LARGEST_SHARE,
    MOST_MISSES,
    MOST_OUTLIERS,
    SIDES,
    SIZE_PER_SECOND,
    Focus,
    window,
)

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


@pytest.mark.parametrize('seconds', [600, 900, 86400, 2**31])
def test_a_box_after_any_pause_or_jump_of_the_clock_is_followed(seconds):
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    for number in range(1, 5):
        focus = focus.after(box(600 + number, 300, 40), number * PERIOD)
    focus = focus.after(box(605, 300, 44), seconds * SECOND)
    assert focus.centre == (605, 300)
    assert 40 < focus.size < 44
    region = focus.region(seconds * SECOND + PERIOD, NETWORK)
    assert region.x < 583 and region.x + region.width > 627


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


def test_a_mask_that_leaks_does_not_take_the_window_with_it():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    before = focus.region(PERIOD, NETWORK)
    for number in range(1, 10):
        focus = focus.after(box(680, 350, 200), number * PERIOD)
    assert focus.region(10 * PERIOD, NETWORK) == before
    focus = focus.after(box(602, 300, 42), 10 * PERIOD)
    assert focus.outliers == 0
    assert abs(focus.size - 40) < 2


def test_a_mask_of_which_the_network_is_not_sure_moves_nothing():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    before = focus.region(PERIOD, NETWORK)
    for number in range(1, 10):
        focus = focus.after(box(600 + number, 300, 40), number * PERIOD, sure=False)
    assert focus.region(10 * PERIOD, NETWORK) == before


def test_the_whole_image_is_looked_at_where_the_network_stays_unsure():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    for number in range(1, MOST_OUTLIERS + 1):
        assert focus.region(number * PERIOD, NETWORK) != WHOLE
        focus = focus.after(box(600, 300, 40), number * PERIOD, sure=False)
    assert focus.region((MOST_OUTLIERS + 1) * PERIOD, NETWORK) == WHOLE


def test_a_box_of_another_size_that_stays_is_believed():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    for number in range(1, MOST_OUTLIERS + 2):
        focus = focus.after(box(600, 300, 64), number * PERIOD)
    assert focus.size == 64


def test_an_object_that_stays_where_it_jumped_to_is_followed_within_a_few_frames():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    for number in range(1, 5):
        focus = focus.after(box(660, 300, 40), number * PERIOD)
    assert focus.centre == (660, 300)


def test_the_size_changes_no_faster_than_things_approach():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    for number in range(1, 31):
        focus = focus.after(box(600, 300, focus.size * 1.4), number * PERIOD)
    assert 90 < focus.size < SIZE_PER_SECOND * 40 * 1.01


def test_an_object_at_the_limit_of_size_does_not_change_its_view_to_and_fro():
    limit = LARGEST_SHARE * np.sqrt(IMAGE[0] * IMAGE[1])
    focus = Focus.on(box(600, 300, 0.98 * limit), IMAGE, 0)
    views = set()
    for number in range(1, 40):
        focus = focus.after(box(600, 300, limit * (1 + 0.05 * (-1) ** number)), number * PERIOD)
        views.add(focus.region((number + 1) * PERIOD, NETWORK) == WHOLE)
    assert views == {False}


def test_an_object_that_came_near_is_looked_for_in_the_whole_image():
    focus = Focus.on(box(600, 300, 40), IMAGE, 0)
    for number in range(1, 120):
        focus = focus.after(box(600, 300, 40 * 1.02**number), number * PERIOD)
    assert focus.region(120 * PERIOD, NETWORK) == WHOLE


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


def test_growth_is_the_size_of_a_box_in_usual_sizes():
    assert Focus.on(box(600, 300, 40), IMAGE, 0).growth(box(100, 100, 60), 0) == 1.5


@pytest.mark.parametrize('rate', [2, 5, 8, 15, 30, 60])
def test_a_mask_that_spreads_grows_and_an_object_that_comes_closer_does_not(rate):
    def growth(per_second):
        focus, grown = Focus.on(box(600, 360, 100), IMAGE, 0), []
        for number in range(1, rate + 1):
            newest, stamp = (
                box(600, 360, 100 * per_second ** (number / rate)),
                number * SECOND // rate,
            )
            grown.append(focus.growth(newest, stamp))
            focus = focus.after(newest, stamp)
        return grown

    assert max(growth(per_second=1.5)) < 1.15
    assert max(growth(per_second=4.0)) > 1.3
