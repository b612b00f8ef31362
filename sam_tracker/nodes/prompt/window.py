# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The window of the prompt node: shows the camera image with its tracks, and takes the mouse."""

from dataclasses import dataclass
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from sam_tracker import srv
from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.msg import TrackArray
from sam_tracker.nodes.prompt.mouse import (
    HELP,
    AddPrompt,
    Command,
    MousePrompts,
    Quit,
    RemoveObject,
    Reset,
    SetPaused,
)
from sam_tracker.rendering import FONT, draw_tracks, object_colour
from sam_tracker.ros.camera.header_match import HeaderMatch
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.images.conversion import ImageError, rgb_image
from sam_tracker.ros.messages.prompt_requests import prompt_message
from sam_tracker.ros.messages.recorded_tracks import TrackMessageError, recorded_track

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.task import Future
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.nodes.prompt.client import TrackerClient

Picture = NDArray[np.uint8]

TITLE = 'sam_tracker'
SPIN_TIME = 0.02
"""Seconds in which callbacks run between two pictures."""
KEY_TIME = 10
"""Milliseconds for the window's events."""

ANSWER_TIMEOUT = 15.0
"""Seconds after which an unanswered request is abandoned."""

UNTRACKED_AFTER = 1.0
"""Seconds without tracks after which images are shown without them."""

IMAGE_MEMORY = 64_000_000
CHECK_PERIOD = 1.0
CLOSED_AFTER = 0.5
"""Seconds of invisibility after which a window counts as closed: resizing also hides it."""

BAR_HEIGHT = 26
TEXT_SCALE = 0.5


class WindowError(Exception):
    """No window can be opened; the text says what to do."""


def require_windows() -> None:
    """
    Check that windows can be opened.

    Without a display the libraries behind OpenCV would end the process.

    :raises WindowError: OpenCV is built without windows, or there is no display.
    """
    built_without = any(
        line.split() == ['GUI:', 'NONE'] for line in cv2.getBuildInformation().splitlines()
    )
    if built_without:
        raise WindowError(
            f'this OpenCV ({cv2.__version__}) is built without windows: install opencv-python '
            'instead of opencv-python-headless (on a robot python3-opencv), or use --box or '
            '--point'
        )
    if sys.platform == 'linux' and not any(map(os.environ.get, ('DISPLAY', 'WAYLAND_DISPLAY'))):
        raise WindowError('there is no display (DISPLAY is not set): use --box or --point')


@dataclass(frozen=True)
class _Request:
    command: Command
    service: str
    future: 'Future'
    deadline: float
    """On the monotonic clock, in seconds."""


class PromptWindow:
    """
    Shows the newest image with its tracks, and sends prompts and commands to the tracker.

    A prompt has the stamp of the image that was shown when the button was pressed.
    """

    def __init__(
        self,
        node: 'Node',
        tracker: str,
        client: 'TrackerClient',
        label: str = '',
        image_transport: str = 'raw',
    ) -> None:
        """
        Subscribe to images and tracks; ``run`` opens the window.

        :param tracker: name of the tracker node.
        :param label: of new objects.
        :param image_transport: raw or compressed.
        """
        self._node = node
        self._client = client
        self._label = label
        self._mouse = MousePrompts()
        self._range = DynamicRange()
        self._match = HeaderMatch(IMAGE_MEMORY)
        self._newest: tuple[Image | CompressedImage, TrackArray | None] | None = None
        self._matched = -UNTRACKED_AFTER
        self._shown: Picture | None = None
        self._header = Header()
        self._pending: list[_Request] = []
        self._status = 'waiting for images'
        self._input = ImageInput(
            node, image_transport, 'auto', self._on_image, node.default_callback_group, depth=2
        )
        self._input.start()
        node.create_subscription(
            TrackArray, f'{tracker}/tracks', self._on_tracks, QoSProfile(depth=10)
        )

    def run(self) -> int:
        """Show the window until it is closed, and return the exit code."""
        # Without Qt's toolbar, whose menu would take the right button.
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setMouseCallback(TITLE, self._on_mouse)
        next_check = time.monotonic()
        shape: tuple[int, ...] = ()
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        while rclpy.ok():
            _spin(executor)
            if time.monotonic() > next_check:
                next_check += CHECK_PERIOD
                reasons = self._input.check(silent=self._shown is None)
                if self._shown is None:
                    self._status = '; '.join(reasons) or f'waiting for {self._input.topic}'
            self.update()
            picture = self.picture()
            if picture.shape != shape:
                shape = picture.shape
                cv2.resizeWindow(TITLE, shape[1], shape[0])
            cv2.imshow(TITLE, picture)
            code = cv2.waitKey(KEY_TIME)
            if code >= 0 and not self.do(self._mouse.key(code & 0xFF)):
                break
            if _closed():
                break
        cv2.destroyAllWindows()
        executor.shutdown()
        return 0

    def update(self) -> None:
        """Handle the answers that have arrived, and show the newest image."""
        self._take_answers()
        self._give_up_requests()
        # The image does not change while a button is down.
        if self._newest is not None and not self._mouse.busy:
            newest, self._newest = self._newest, None
            self._show(*newest)

    def picture(self) -> Picture:
        """Return what the window shows now."""
        shown = self._shown
        image = np.full((360, 640, 3), 32, np.uint8) if shown is None else shown.copy()
        mouse = self._mouse
        colour = object_colour(mouse.selected or max(mouse.object_ids, default=0) + 1)
        if (box := mouse.dragged_box) is not None:
            corners = np.array(box).astype(int).reshape(2, 2)
            cv2.rectangle(image, corners[0].tolist(), (corners[1] - 1).tolist(), colour, 2)
        target = f'refining #{mouse.selected}' if mouse.selected else 'new object'
        state = 'paused | ' if mouse.paused else ''
        lines = [HELP, f'{state}{target} | {mouse.hint or self._status}']
        bar = np.full((len(lines) * BAR_HEIGHT, image.shape[1], 3), 24, np.uint8)
        for number, line in enumerate(lines):
            place = (6, (number + 1) * BAR_HEIGHT - 8)
            shade = colour if number else (170, 170, 170)
            (width, _), _ = cv2.getTextSize(line, FONT, TEXT_SCALE, 1)
            scale = TEXT_SCALE * min(1.0, (bar.shape[1] - 30) / max(width, 1))
            cv2.putText(bar, line, place, FONT, scale, shade, 1, cv2.LINE_AA)
        # Below the image, so that window and image have the same pixel coordinates.
        return np.concatenate((image, bar))

    def do(self, command: Command | None) -> bool:
        """Send a command to the tracker; return False to quit."""
        if command is None:
            return True
        if isinstance(command, Quit):
            return False
        service, request = self._request(command)
        future = self._client.send(service, request)
        if future is None:
            self._status = f'no service {service}: is the tracker running?'
        else:
            deadline = time.monotonic() + ANSWER_TIMEOUT
            self._pending.append(_Request(command, service, future, deadline))
            self._status = '...'
        return True

    def _request(self, command: Command) -> tuple[str, Any]:
        if isinstance(command, AddPrompt):
            prompt = prompt_message(
                self._header,
                command.points,
                command.point_labels,
                command.box,
                object_id=command.object_id,
                label='' if command.object_id else self._label,
            )
            return 'add_prompt', srv.AddPrompt.Request(prompt=prompt)
        if isinstance(command, RemoveObject):
            return 'remove_object', srv.RemoveObject.Request(object_id=command.object_id)
        if isinstance(command, SetPaused):
            return 'set_paused', SetBool.Request(data=command.paused)
        assert isinstance(command, Reset)
        return 'reset', Trigger.Request()

    def _take_answers(self) -> None:
        for request in [each for each in self._pending if each.future.done()]:
            self._pending.remove(request)
            command, answer = request.command, request.future.result()
            self._status = answer.message if answer.success else f'refused: {answer.message}'
            if isinstance(command, AddPrompt) and answer.success:
                self._mouse.selected = answer.track.object_id
                self._mouse.object_ids = sorted({*self._mouse.object_ids, answer.track.object_id})
            elif isinstance(command, SetPaused) and not answer.success:
                self._mouse.paused = not command.paused

    def _give_up_requests(self) -> None:
        for request in [each for each in self._pending if each.deadline < time.monotonic()]:
            self._pending.remove(request)
            self._client.forget(request.service, request.future)
            self._status = f'{request.service} has not answered within {ANSWER_TIMEOUT:g} s'
            if isinstance(request.command, SetPaused):
                self._mouse.paused = not request.command.paused

    def _on_mouse(self, event: int, x: int, y: int, _flags: int, _data: object) -> None:
        command: Command | None = None
        if event == cv2.EVENT_LBUTTONDOWN:
            command = self._mouse.press('left', x, y)
        elif event == cv2.EVENT_RBUTTONDOWN:
            command = self._mouse.press('right', x, y)
        elif event == cv2.EVENT_MOUSEMOVE:
            self._mouse.move(x, y)
        elif event == cv2.EVENT_LBUTTONUP:
            command = self._mouse.release(x, y)
        if self._shown is not None:
            self.do(command)

    def _on_image(self, image: 'Image | CompressedImage') -> None:
        pair = self._match.add_image(image)
        if pair is not None:
            self._keep(*pair)
        elif time.monotonic() - self._matched > UNTRACKED_AFTER:
            self._newest = image, None

    def _on_tracks(self, tracks: TrackArray) -> None:
        pair = self._match.add_tracks(tracks)
        if pair is not None:
            self._keep(*pair)

    def _keep(self, image: 'Image | CompressedImage', tracks: TrackArray) -> None:
        self._matched = time.monotonic()
        self._newest = image, tracks

    def _show(self, image: 'Image | CompressedImage', tracks: TrackArray | None) -> None:
        try:
            picture = np.asarray(
                cv2.cvtColor(rgb_image(image, self._range), cv2.COLOR_RGB2BGR), np.uint8
            )
            if tracks is not None:
                draw_tracks(picture, [recorded_track(track) for track in tracks.tracks])
        except (ImageError, TrackMessageError) as error:
            self._status = str(error)
            return
        if self._shown is None:
            self._status = 'point at something'
        self._shown, self._header = picture, image.header
        self._mouse.height, self._mouse.width = picture.shape[:2]
        if tracks is not None:
            self._mouse.object_ids = [track.object_id for track in tracks.tracks]
            if not self._pending:
                self._mouse.forget_missing()


def _spin(executor: SingleThreadedExecutor) -> None:
    """Run callbacks for SPIN_TIME: several messages arrive for each picture."""
    end = time.monotonic() + SPIN_TIME
    while (left := end - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


def _closed() -> bool:
    """Return whether the window was closed by its button, and not only hidden briefly."""
    deadline = time.monotonic() + CLOSED_AFTER
    while cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
        if time.monotonic() > deadline:
            return True
        cv2.waitKey(KEY_TIME)
    return False
