# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One open page: what it watches, and the messages that wait to be sent to it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
import json
import time
from typing import TYPE_CHECKING, Any

from sam_tracker.nodes.console.pace import Pace
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.messages.recorded_tracks import TrackMessageError

if TYPE_CHECKING:
    from aiohttp.web import WebSocketResponse

    from sam_tracker.nodes.console.pictures import Picture

MOST_COMMANDS = 8
"""Commands of one page under way; further ones are refused."""


MOST_ANSWERS = 2 * MOST_COMMANDS
"""Answers that wait for a page to read them; one that leaves more is closed."""
SESSION_ENDED = 4401
"""Code of a websocket that is closed because its session has ended."""
POLICY_VIOLATION = 1008


class ViewerEndedError(Exception):
    """The page is closed by the console; the text says why."""

    def __init__(self, code: int, reason: str) -> None:
        """:param code: of the websocket's closing, RFC 6455, section 7.4."""
        super().__init__(reason)
        self.code = code


class Viewer:
    """
    Sends to one websocket, from one task.

    Nothing queues: of pictures and of the state only the newest is kept, and the answers that wait
    are limited. A viewer that reads slowly, or not at all, delays nobody.
    """

    def __init__(self, socket: WebSocketResponse, allowed: Callable[[], bool]) -> None:
        """:param allowed: whether the session of the page has not ended."""
        self._socket = socket
        self._allowed = allowed
        self._pace = Pace(time.monotonic())
        self._picture: Picture | None = None
        self._state: str | None = None
        self._answers: deque[str] = deque()
        self._changed = asyncio.Event()
        self.tracker = ''
        """Name of the tracker that is watched; empty: none."""
        self.under_way = 0
        """Commands that are not answered yet."""

    def offer(self, picture: Picture) -> None:
        """Show a picture, in place of one that has not been sent yet."""
        self._picture = picture
        self._changed.set()

    def tell(self, state: str) -> None:
        """Send the state of the console, in place of one that has not been sent yet."""
        self._state = state
        self._changed.set()

    def answer(self, number: int, success: bool, message: str, **values: Any) -> None:  # noqa: ANN401
        """Answer the command with a number."""
        fields = {'kind': 'answer', 'number': number, 'success': success, 'message': message}
        self._answers.append(json.dumps({**fields, **values}))
        self._changed.set()

    def watch(self, tracker: str) -> None:
        self.tracker = tracker
        self._picture = None

    def shown(self) -> None:
        """Record that the page has drawn a picture."""
        self._pace.shown(time.monotonic())
        self._changed.set()

    def check(self) -> None:
        """
        Check whether the page must be closed.

        :raises ViewerEndedError: the session has ended, or the page does not read answers.
        """
        if not self._allowed():
            raise ViewerEndedError(SESSION_ENDED, 'the session has ended')
        if len(self._answers) > MOST_ANSWERS:
            raise ViewerEndedError(POLICY_VIOLATION, 'the page does not read its answers')

    async def send(self) -> None:
        """
        Send pictures, state and answers until cancelled.

        :raises ViewerEndedError: the session has ended, or the page does not read answers.
        :raises ConnectionError: the page has gone.
        """
        while True:
            await self._changed.wait()
            self._changed.clear()
            self.check()
            while self._answers:
                await self._socket.send_str(self._answers.popleft())
            if self._state is not None:
                state, self._state = self._state, None
                await self._socket.send_str(state)
            if self._picture is not None and self._pace.ready:
                picture, self._picture = self._picture, None
                await self._send_picture(picture)

    async def _send_picture(self, picture: Picture) -> None:
        try:
            packet = await picture.packet(self._pace.level)
        except (ImageError, TrackMessageError) as error:
            await self._socket.send_str(json.dumps({'kind': 'unreadable', 'message': str(error)}))
            return
        self._pace.sent(time.monotonic())
        await self._socket.send_bytes(packet)
