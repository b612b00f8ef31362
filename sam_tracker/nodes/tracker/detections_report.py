# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What was done with detections, for diagnostics and the log."""

from __future__ import annotations

from collections import Counter
import threading
import time
from typing import TYPE_CHECKING

from sam_tracker.association.outcome import Effect
from sam_tracker.nodes.tracker.tracking_session import LOG_PERIOD

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

NAMES = (
    *('messages', 'used', 'matched', 'unmatched', 'ignored', 'invalid'),
    *(effect.value for effect in Effect),
    *('messages not used', 'prompts refused'),
)
"""Names of what is counted."""
TROUBLE_WARNING = 30.0
"""Seconds for which a message that could not be used is worth a warning."""


class DetectionsReport:
    """Counts what was done with detections, and keeps the last trouble; for any thread."""

    def __init__(self, log: RcutilsLogger) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._trouble = ''
        self._last_trouble = -float('inf')

    @property
    def empty(self) -> bool:
        """Whether nothing was counted yet: there are no detections."""
        return not self._counts

    def count(self, name: str, number: int = 1) -> None:
        """Add to one of ``NAMES``."""
        with self._lock:
            self._counts[name] += number

    def complain(self, trouble: str) -> None:
        """Log what is wrong with a message, and keep it for diagnostics."""
        with self._lock:
            self._trouble, self._last_trouble = trouble, time.monotonic()
        self._log.warning(f'detections: {trouble}', throttle_duration_sec=LOG_PERIOD)

    def not_used(self, reason: str) -> None:
        """Count a message that could not be used."""
        self.count('messages not used')
        self.complain(reason)

    def values(self) -> dict[str, str]:
        """Return all counts and the last trouble; nothing while there are no detections."""
        with self._lock:
            if not self._counts:
                return {}
            counts = {f'detections: {name}': str(self._counts[name]) for name in NAMES}
            return {**counts, 'detections: last trouble': self._trouble}

    def warnings(self) -> list[str]:
        """Return why detections could not be used lately."""
        recent = time.monotonic() - self._last_trouble < TROUBLE_WARNING
        return [f'detections: {self._trouble}'] if recent else []
