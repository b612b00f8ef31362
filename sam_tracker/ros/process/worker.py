# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One thread that works on the newest frame, on what is asked in between, and on long work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
import contextlib
from dataclasses import dataclass
from functools import partial
import threading
from typing import Any, Generic, TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


MOST_COMMANDS = 32
"""Commands that may wait: whoever floods the worker is told so, and memory stays bounded."""
MOST_SLICED = 8
"""
Pieces of sliced work that may be under way at once, which bounds what they hold, too. One that was
cancelled counts until its turn comes.
"""


class WorkerStoppedError(RuntimeError):
    """The worker does not run, so nothing was done."""


class WorkerBusyError(RuntimeError):
    """Too much waits for the worker already, so nothing was done."""


@dataclass(frozen=True, eq=False)
class _Sliced:
    """Work that is done up to its next ``yield`` at a time."""

    generator: Generator[object, None, Any]
    future: Future[Any]
    """Pending until the work is done, so that it can be cancelled at any time."""

    def advance(self) -> bool:
        """Do one slice, or give up what was cancelled; return whether there is more to do."""
        if self.future.cancelled():
            self._close()
            self.future.set_running_or_notify_cancel()
            return False
        try:
            next(self.generator)
        except StopIteration as end:
            if self.future.set_running_or_notify_cancel():
                self.future.set_result(end.value)
            return False
        except Exception as error:
            self.fail(error)
            return False
        return True

    def fail(self, error: Exception) -> None:
        self._close()
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)

    def _close(self) -> None:
        # Whoever asked has an answer already, and the thread must live on.
        with contextlib.suppress(Exception):
            self.generator.close()


class Worker(Generic[Item]):
    """
    Whoever owns things that no two threads may touch gives them to this one thread.

    There is room for one waiting item: a newer one takes its place, so a slow ``process`` makes
    items fall out and never a queue. Commands go first, in their order. Sliced work is done while
    nothing else waits, and one slice of it between two items whatever else waits: an item is held
    up by one slice at most, and the work comes to an end however many items there are.
    """

    def __init__(self, process: Callable[[Item], None], name: str) -> None:
        self._process = process
        self._name = name
        self._condition = threading.Condition()
        self._waiting: Item | None = None
        self._commands: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._sliced: deque[_Sliced] = deque()
        self._sliced_count = 0
        """With the one whose slice is being done, which is not in the queue meanwhile."""
        self._slice_is_due = False
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
            self._require_running()
            if len(self._commands) >= MOST_COMMANDS:
                raise WorkerBusyError(f'the {self._name} is busy: {MOST_COMMANDS} commands wait')
            self._commands.append((command, future))
            self._condition.notify()
        return future

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """
        Have long work done by the thread, a slice at a time: what lies between two ``yield``.

        What the generator returns or raises is the future's. Several take turns, slice by slice.
        Cancelling the future at any time has the generator closed instead of its next slice.
        Raises ``WorkerStoppedError`` after ``stop``, and ``WorkerBusyError`` when ``MOST_SLICED``
        are under way.
        """
        future: Future[Result] = Future()
        with self._condition:
            self._require_running()
            if self._sliced_count >= MOST_SLICED:
                raise WorkerBusyError(
                    f'the {self._name} is busy: {MOST_SLICED} long pieces of work are under way'
                )
            self._sliced.append(_Sliced(generator, future))
            self._sliced_count += 1
            self._condition.notify()
        return future

    def _require_running(self) -> None:
        if self._stopped:
            raise WorkerStoppedError(f'the {self._name} is not running')

    def stop(self, timeout: float) -> bool:
        """
        End the thread after what it is at; all that waits fails: ``WorkerStoppedError``.

        :returns: whether the thread ended within ``timeout`` seconds.
        """
        with self._condition:
            self._stopped = True
            self._waiting = None
            commands, self._commands = self._commands, deque()
            sliced, self._sliced = self._sliced, deque()
            self._condition.notify()
        for _, future in commands:
            if future.set_running_or_notify_cancel():
                future.set_exception(self._was_stopped())
        for work in sliced:
            work.fail(self._was_stopped())
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _was_stopped(self) -> WorkerStoppedError:
        return WorkerStoppedError(f'the {self._name} was stopped')

    def _run(self) -> None:
        while (task := self._next_task()) is not None:
            task()
            # What it refers to is not kept alive while waiting for the next one.
            del task

    def _next_task(self) -> Callable[[], None] | None:
        """Wait for something to do; None: stopped."""
        with self._condition:
            self._condition.wait_for(
                lambda: (
                    self._stopped or self._commands or self._sliced or self._waiting is not None
                )
            )
            if self._stopped:
                return None
            if self._commands:
                return partial(_do, *self._commands.popleft())
            if self._sliced and (self._slice_is_due or self._waiting is None):
                self._slice_is_due = False
                return partial(self._do_slice, self._sliced.popleft())
            item, self._waiting = self._waiting, None
            assert item is not None
            self._slice_is_due = True
            return partial(self._process, item)

    def _do_slice(self, work: _Sliced) -> None:
        goes_on = work.advance()
        with self._condition:
            if goes_on and not self._stopped:
                self._sliced.append(work)
                return
            self._sliced_count -= 1
        if goes_on:
            work.fail(self._was_stopped())


def _do(command: Callable[[], Any], future: Future[Any]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(command())
        except Exception as error:
            future.set_exception(error)
