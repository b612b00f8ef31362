# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One thread that works on the newest frame, and on what is asked in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
import threading
from typing import Any, Generic, TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


MOST_COMMANDS = 32
"""Commands that may wait: whoever floods the worker is told so, and memory stays bounded."""


class WorkerStoppedError(RuntimeError):
    """The worker does not run, so nothing was done."""


class WorkerBusyError(RuntimeError):
    """Too much waits for the worker already, so nothing was done."""


class Worker(Generic[Item]):
    """
    Whoever owns things that no two threads may touch gives them to this one thread.

    There is room for one waiting item: a newer one takes its place, so a slow ``process`` makes
    items fall out and never a queue. Commands go first, in their order.
    """

    def __init__(self, process: Callable[[Item], None], name: str) -> None:
        self._process = process
        self._condition = threading.Condition()
        self._waiting: Item | None = None
        self._commands: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> Item | None:
        """Leave an item to be processed and return the one that it replaces, if any."""
        with self._condition:
            replaced, self._waiting = self._waiting, item
            self._condition.notify()
        return replaced

    def withdraw(self, item: Item) -> None:
        """Take back an item that still waits, because somebody has seen to it."""
        with self._condition:
            if self._waiting is item:
                self._waiting = None

    def submit(self, command: Callable[[], Result]) -> Future[Result]:
        """
        Have a command done by the thread.

        Its result or exception is the future's. Cancelling the future before the command has begun
        keeps it from being done. Raises ``WorkerStoppedError`` after ``stop``, and
        ``WorkerBusyError`` when ``MOST_COMMANDS`` wait.
        """
        future: Future[Result] = Future()
        with self._condition:
            if self._stopped:
                raise WorkerStoppedError('the tracker is not running')
            if len(self._commands) >= MOST_COMMANDS:
                raise WorkerBusyError(f'the tracker is busy: {MOST_COMMANDS} commands wait')
            self._commands.append((command, future))
            self._condition.notify()
        return future

    def stop(self, timeout: float) -> bool:
        """
        End the thread after what it is at; commands that wait fail: ``WorkerStoppedError``.

        :returns: whether the thread ended within ``timeout`` seconds.
        """
        with self._condition:
            self._stopped = True
            self._waiting = None
            waiting, self._commands = self._commands, deque()
            self._condition.notify()
        for _, future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(WorkerStoppedError('the tracker was stopped'))
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._stopped or self._commands or self._waiting is not None
                )
                if self._stopped:
                    return
                if self._commands:
                    command, future = self._commands.popleft()
                    item = None
                else:
                    item, self._waiting = self._waiting, None
            if item is not None:
                self._process(item)
                # Not kept alive while waiting for the next one.
                item = None
            elif future.set_running_or_notify_cancel():
                try:
                    future.set_result(command())
                except Exception as error:
                    future.set_exception(error)
