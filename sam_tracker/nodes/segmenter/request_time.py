# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Time limit of a request, and a lock by which requests take turns."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from sam_tracker.ros.process.service_answers import NotAnsweredError, result_within

if TYPE_CHECKING:
    from rclpy.node import Node

Result = TypeVar('Result')


class Turns:
    """A lock for coroutines of several threads: they get it in the order in which they asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[Future[None]] = deque()

    def request(self) -> Future[None]:
        """Return a future that is done when it is the caller's turn; cancelling it gives up."""
        turn: Future[None] = Future()
        with self._lock:
            if self._taken:
                self._waiting.append(turn)
                return turn
            self._taken = True
        turn.set_result(None)
        return turn

    def release(self) -> None:
        """End the turn; to be called once for every turn that came."""
        with self._lock:
            while self._waiting:
                turn = self._waiting.popleft()
                if turn.set_running_or_notify_cancel():
                    break
            else:
                self._taken = False
                return
        turn.set_result(None)


class RequestTime:
    """The time that is left for one request."""

    def __init__(self, node: Node, timeout: float) -> None:
        """Start the time; ``timeout`` is in seconds."""
        self._node = node
        self._timeout = timeout
        self._end = time.monotonic() + timeout

    async def result(
        self, future: Future[Result], progress: Callable[[], str] = lambda: 'the node is busy'
    ) -> Result:
        """
        Await a result, or cancel it when the time is over.

        :param progress: returns what has been done by then, for the text of the error.
        :raises NotAnsweredError: the time is over.
        """
        if not future.done():
            try:
                return await result_within(self._node, future, max(self._left, 0.001))
            except NotAnsweredError:
                raise NotAnsweredError(
                    f'the image was not segmented within {self._timeout:g} s '
                    f'(segmentation.timeout): {progress()}'
                ) from None
        return future.result()

    @asynccontextmanager
    async def turn(self, turns: Turns, why: str) -> AsyncIterator[None]:
        """
        Wait for a turn, and end it on exit.

        :param why: what the turn is waited for, for the text of the error.
        :raises NotAnsweredError: the time is over.
        """
        await self.result(turns.request(), lambda: why)
        try:
            yield
        finally:
            turns.release()

    @property
    def _left(self) -> float:
        return self._end - time.monotonic()
