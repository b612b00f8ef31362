# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the window shows and sends, against a real tracker node; only the window itself is away."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from sam_tracker.nodes.prompt import window as module
from sam_tracker.nodes.prompt.client import TrackerClient
from sam_tracker.nodes.prompt.mouse import Quit
from sam_tracker.nodes.prompt.window import PromptWindow, WindowError, require_windows


class Window:
    """A prompt window whose events come from the test."""

    def __init__(self, graph) -> None:
        self._node = rclpy.create_node('prompt_node', context=graph.context)
        self._executor = SingleThreadedExecutor(context=graph.context)
        self._executor.add_node(self._node)
        client = TrackerClient(self._node, 'sam_tracker', print)
        self.window = PromptWindow(self._node, 'sam_tracker', client, 'mug')
        self._graph = graph

    def spin_until(self, condition, what: str) -> None:
        def step():
            self._executor.spin_once(timeout_sec=0.05)
            self.window.update()
            return condition()

        self._graph.wait_until(step, what)

    def mouse(self, event: int, x: int, y: int) -> None:
        self.window._on_mouse(event, x, y, 0, None)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        self.mouse(cv2.EVENT_LBUTTONDOWN, *start)
        self.mouse(cv2.EVENT_MOUSEMOVE, *end)
        self.mouse(cv2.EVENT_LBUTTONUP, *end)

    def key(self, character: str) -> bool:
        return self.window.do(self.window._mouse.key(ord(character)))

    def close(self) -> None:
        self._executor.shutdown()
        self._node.destroy_node()


@pytest.fixture
def window(graph, camera, tester) -> Iterator[Window]:
    window = Window(graph)
    window.spin_until(lambda: window.window._shown is not None, 'an image in the window')
    yield window
    window.close()


def test_a_dragged_box_starts_an_object_that_is_then_drawn_and_removed(window, tester):
    window.drag((40, 30), (90, 80))
    window.spin_until(tester.object_ids, 'an object in the tracker')
    window.spin_until(lambda: window.window._mouse.object_ids == [1], 'the object in the window')
    assert window.window._mouse.selected == 1
    (track,) = tester.call('get_objects').objects.tracks
    assert track.label == 'mug'

    window.drag((60, 50), (61, 50))
    window.spin_until(lambda: 'is refined' in window.window._status, 'a refinement')
    assert tester.object_ids() == [1]

    window.key('x')
    window.spin_until(lambda: not tester.object_ids(), 'the removal')


def test_the_picture_stands_still_while_a_button_is_down_and_shows_the_box(window):
    window.mouse(cv2.EVENT_LBUTTONDOWN, 20, 20)
    before = window.window.picture()
    for _ in range(10):
        window._executor.spin_once(timeout_sec=0.05)
        window.window.update()
    assert (window.window.picture() == before).all()
    window.mouse(cv2.EVENT_MOUSEMOVE, 100, 90)
    drawn = (window.window.picture() != before).any(axis=2)
    rows, columns = np.nonzero(drawn[:120])
    assert (columns.min(), rows.min()) <= (20, 20)
    assert (columns.max(), rows.max()) >= (100, 90)
    window.mouse(cv2.EVENT_LBUTTONUP, 100, 90)


def test_a_refusal_is_shown_and_quitting_ends(window):
    window.window._header.stamp.sec = 7
    window.window._header.stamp.nanosec = 0
    window.drag((40, 30), (90, 80))
    window.spin_until(lambda: 'refused' in window.window._status, 'a refusal')
    assert '7.000000000 is too old' in window.window._status
    assert window.key('q') is False
    assert isinstance(window.window._mouse.key(27), Quit)


def test_a_paused_tracker_is_resumed_by_the_same_key(window, tester):
    window.key(' ')
    window.spin_until(lambda: window.window._status == 'paused', 'the pause')
    window.key(' ')
    window.spin_until(lambda: window.window._status == 'tracking', 'the resumption')


def test_a_request_without_an_answer_is_given_up(window, monkeypatch):
    monkeypatch.setattr(module, 'ANSWER_TIMEOUT', -1.0)
    window.key(' ')
    window.window._give_up_requests()
    assert window.window._status.startswith('set_paused has not answered')
    assert not window.window._mouse.paused
    assert not window.window._pending


def test_as_many_callbacks_as_there_are_run_between_two_pictures(graph, monkeypatch):
    monkeypatch.setattr(module, 'SPIN_TIME', 1.0)
    executor = SingleThreadedExecutor(context=graph.context)
    calls = []
    for number in range(20):
        executor.create_task(calls.append, number)
    module._spin(executor)
    assert sorted(calls) == list(range(20))
    executor.shutdown()


def test_compressed_images_are_shown_where_they_are_asked_for(graph):
    node = rclpy.create_node('prompt_node', context=graph.context)
    client = TrackerClient(node, 'sam_tracker', print)
    window = PromptWindow(node, 'sam_tracker', client, image_transport='compressed')
    assert window._input.topic == '/image/compressed'
    node.destroy_node()


def test_a_display_that_is_missing_is_found_out_before_the_window(monkeypatch):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    with pytest.raises(WindowError, match=r'opencv-python-headless|DISPLAY'):
        require_windows()
