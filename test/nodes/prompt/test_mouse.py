# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What mouse and keyboard mean, without a window."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sam_tracker.nodes.prompt.mouse import (
    AddPrompt,
    MousePrompts,
    Quit,
    RemoveObject,
    Reset,
    SetPaused,
)


@pytest.fixture
def mouse() -> MousePrompts:
    return MousePrompts(width=640, height=480, object_ids=[1, 4])


def click(mouse, button, x, y):
    command = mouse.press(button, x, y)
    return mouse.release(x, y) if button == 'left' else command


def test_a_left_click_is_a_point_at_the_centre_of_the_pixel_and_a_new_object(mouse):
    assert click(mouse, 'left', 10, 20) == AddPrompt(0, ((10.5, 20.5),), (1,))


def test_clicks_refine_the_selected_object(mouse):
    mouse.key(ord('4'))
    assert click(mouse, 'left', 10, 20) == AddPrompt(4, ((10.5, 20.5),), (1,))
    assert click(mouse, 'right', 11, 21) == AddPrompt(4, ((11.5, 21.5),), (0,))


def test_a_negative_point_alone_says_nothing_and_is_explained(mouse):
    assert click(mouse, 'right', 10, 20) is None
    assert 'selected' in mouse.hint


@pytest.mark.parametrize('start,end', [((10, 20), (50, 80)), ((50, 80), (10, 20))])
def test_dragging_any_way_is_a_box_that_covers_both_pixels(mouse, start, end):
    mouse.press('left', *start)
    mouse.move(*end)
    assert mouse.dragged_box == (10, 20, 51, 81)
    assert mouse.busy
    assert mouse.release(*end) == AddPrompt(0, box=(10, 20, 51, 81))
    assert not mouse.busy
    assert mouse.dragged_box is None


def test_an_unsteady_hand_still_clicks(mouse):
    mouse.press('left', 10, 20)
    assert mouse.release(12, 19) == AddPrompt(0, ((10.5, 20.5),), (1,))


def test_a_release_without_a_press_means_nothing(mouse):
    assert mouse.release(12, 19) is None


@given(
    start=st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000)),
    end=st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000)),
)
def test_whatever_is_dragged_lies_inside_the_picture(start, end):
    mouse = MousePrompts(width=640, height=480)
    mouse.press('left', *start)
    mouse.move(*end)
    command = mouse.release(*end)
    if command.box is not None:
        x_min, y_min, x_max, y_max = command.box
        assert 0 <= x_min < x_max <= 640
        assert 0 <= y_min < y_max <= 480
    else:
        ((x, y),) = command.points
        assert 0 < x < 640
        assert 0 < y < 480


def test_tab_goes_round_the_objects_and_back_to_a_new_one(mouse):
    chosen = [(mouse.key(9), mouse.selected)[1] for _ in range(4)]
    assert chosen == [1, 4, 0, 1]


def test_a_digit_without_an_object_is_explained(mouse):
    mouse.key(ord('7'))
    assert mouse.selected == 0
    assert mouse.hint == 'there is no object 7'


def test_removing_takes_the_selected_object_and_deselects_it(mouse):
    assert mouse.key(ord('x')) is None
    assert 'nothing is selected' in mouse.hint
    mouse.key(ord('1'))
    assert mouse.key(127) == RemoveObject(1)
    assert mouse.selected == 0


def test_the_other_keys(mouse):
    mouse.key(ord('1'))
    assert mouse.key(ord('r')) == Reset()
    assert mouse.selected == 0
    assert [mouse.key(ord(' ')), mouse.key(ord('p'))] == [SetPaused(True), SetPaused(False)]
    assert mouse.key(ord('q')) == mouse.key(27) == Quit()
    assert mouse.key(-1) is mouse.key(200) is mouse.key(ord('z')) is None


def test_an_object_that_has_gone_is_not_selected_any_more(mouse):
    mouse.key(ord('4'))
    mouse.object_ids = [1]
    mouse.forget_missing()
    assert mouse.selected == 0
