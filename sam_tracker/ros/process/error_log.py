# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Unexpected errors in the log: each kind with its traceback once, then counted."""

from __future__ import annotations

import threading
import time
import traceback
from typing import TYPE_CHECKING

from sam_tracker.core.texts import error_text, printable

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

PERIOD = 5.0
"""Seconds between two lines about one kind of error."""
MOST_KINDS = 256
"""Kinds that are counted; with more, counting starts again, with tracebacks."""


class ErrorLog:
    """
    Logs errors that are defects of the software, not of a request; thread-safe.

    Errors of the same type that were raised on the same line are counted together.
    """

    def __init__(self, log: RcutilsLogger) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._kinds: dict[tuple[type[BaseException], str, int], _Kind] = {}

    def report(self, what: str, error: BaseException) -> None:
        """
        Log an error.

        :param what: what failed, the start of the line.
        """
        where = traceback.extract_tb(error.__traceback__)
        file, line = (where[-1].filename, where[-1].lineno or 0) if where else ('', 0)
        with self._lock:
            key = (type(error), file, line)
            kind = self._kinds.get(key)
            if kind is None:
                if len(self._kinds) >= MOST_KINDS:
                    self._kinds.clear()
                self._kinds[key] = _Kind()
                lines = ''.join(traceback.format_exception(error)).splitlines()
                self._log.error('\n'.join([f'{what}: {describe(error)}', *map(printable, lines)]))
                return
            kind.unlogged += 1
            if time.monotonic() - kind.logged < PERIOD:
                return
            count, kind.unlogged, kind.logged = kind.unlogged, 0, time.monotonic()
        self._log.error(f'{what}: {describe(error)} ({count} more; traceback above)')


def describe(error: BaseException) -> str:
    """Return type and text of an error in one line, without control characters."""
    name, text = type(error).__name__, printable(error_text(error))
    return name if text == name else f'{name}: {text}'


class _Kind:
    def __init__(self) -> None:
        self.logged = time.monotonic()
        self.unlogged = 0
