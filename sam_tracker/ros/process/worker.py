# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One thread that processes the newest item, commands in between, and long work in slices."""

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
_Command = tuple[Callable[[], Any], Future[Any]]

MOST_COMMANDS = 32
"""Commands of one priority that may wait; more are refused, so that memory stays bounded."""
MOST_SLICED = 8
"""
Pieces of sliced work in progress, which bounds the memory they hold. A cancelled one counts until
its turn comes.
"""


class WorkerStoppedError(RuntimeError):
    """The worker does not run; nothing was done."""


class WorkerBusyError(RuntimeError):
    """Too many commands wait for the worker; nothing was done."""


@dataclass(frozen=True, eq=False)
class _Sliced:
    """Work that is done one ``yield`` at a time."""

    generator: Generator[object, None, Any]
    future: Future[Any]
    """Pending until the work is done, so it can be cancelled at any time."""

    def advance(self) -> bool:
        """Do one slice, or close cancelled work; return whether there is more to do."""
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
        # The caller has an answer already, and the thread must go on.
        with contextlib.suppress(Exception):
            self.generator.close()


class Worker(Generic[Item]):
    """
    A single thread that owns state which is not thread-safe.

    One item waits at most; a newer item replaces it, so a slow ``process`` drops items and never
    builds a queue. Commands are done before items: urgent ones first, each kind in its order.
    Sliced work is done while nothing else waits, and one slice of it between two items in any
    case. So sliced work delays an item by one slice at most, and always comes to an end.

    The thread is a daemon: it cannot keep a process alive that was not stopped properly.
    """

    def __init__(self, process: Callable[[Item], None], name: str) -> None:
        self._process = process
        self._name = name
        self._condition = threading.Condition()
        self._waiting: Item | None = None
        self._commands: deque[_Command] = deque()
        self._urgent: deque[_Command] = deque()
        self._sliced: deque[_Sliced] = deque()
        self._sliced_count = 0
        """Includes the work whose slice is being done, which is not in the queue meanwhile."""
        self._slice_is_due = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> Item | None:
        """Set the next item to process and return the one that it replaces, if any."""
        with self._condition:
            replaced, self._waiting = self._waiting, item
            self._condition.notify()
        return replaced

    def withdraw(self, item: Item) -> None:
        """Withdraw a waiting item that was processed elsewhere."""
        with self._condition:
            if self._waiting is item:
                self._waiting = None

    def submit(self, command: Callable[[], Result], *, urgent: bool = False) -> Future[Result]:
        """
        Run a command on the thread.

        :param urgent: run it before all commands that are not, however many of those wait.
        :returns: the command's result or exception; cancelling it before the command has begun
            prevents it.
        :raises WorkerStoppedError: after ``stop``.
        :raises WorkerBusyError: ``MOST_COMMANDS`` of this priority wait.
        """
        future: Future[Result] = Future()
        with self._condition:
            self._require_running()
            commands = self._urgent if urgent else self._commands
            if len(commands) >= MOST_COMMANDS:
                raise WorkerBusyError(f'the {self._name} is busy: {MOST_COMMANDS} commands wait')
            commands.append((command, future))
            self._condition.notify()
        return future

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """
        Run long work on the thread, one slice at a time: the code between two ``yield``.

        Several generators take turns, slice by slice.

        :returns: what the generator returns or raises; cancelling it at any time closes the
            generator instead of running its next slice.
        :raises WorkerStoppedError: after ``stop``.
        :raises WorkerBusyError: ``MOST_SLICED`` are in progress.
        """
        future: Future[Result] = Future()
        with self._condition:
            self._require_running()
            if self._sliced_count >= MOST_SLICED:
                raise WorkerBusyError(
                    f'the {self._name} is busy: {MOST_SLICED} long pieces of work are in progress'
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
        End the thread after its current task; everything that waits fails.

        :param timeout: seconds to wait for the thread to end.
        :returns: whether it has ended.
        """
        with self._condition:
            self._stopped = True
            self._waiting = None
            commands = [*self._urgent, *self._commands]
            self._urgent.clear()
            self._commands.clear()
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
            # Keep nothing alive that it refers to while waiting for the next one.
            del task

    def _next_task(self) -> Callable[[], None] | None:
        """Wait for the next task; None: stopped."""
        with self._condition:
            self._condition.wait_for(
                lambda: (
                    self._stopped
                    or self._urgent
                    or self._commands
                    or self._sliced
                    or self._waiting is not None
                )
            )
            if self._stopped:
                return None
            for commands in (self._urgent, self._commands):
                if commands:
                    return partial(_do, *commands.popleft())
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
