# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The memory rule of SAM 2 (arXiv 2408.00714): the most recent frames, whatever they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.api import FrameFacts, RememberedFrame

if TYPE_CHECKING:
    from sam_tracker.tracking.settings import TrackerSettings


class Sam2Rule:
    """Reads the newest frames; their temporal position is their distance."""

    compares_candidates: ClassVar[bool] = False
    keeps_pointers: ClassVar[bool] = False

    def __init__(self, _settings: TrackerSettings, layout: MemoryLayout) -> None:
        self._recent = layout.recent_memories

    @property
    def capacity(self) -> int:
        return self._recent

    def with_settings(self, _settings: TrackerSettings) -> Sam2Rule:
        return self

    def after(self, _frame: int, _facts: FrameFacts) -> Sam2Rule:
        return self

    def keep(self, frames: Sequence[RememberedFrame], newest: int) -> tuple[RememberedFrame, ...]:
        return tuple(frame for frame in frames if newest - frame.frame <= self._recent)

    def read(
        self, frames: Sequence[RememberedFrame], now: int
    ) -> list[tuple[RememberedFrame, int]]:
        return [
            (frame, now - frame.frame - 1) for frame in frames if now - frame.frame <= self._recent
        ]

    def reads_pointer(self, _facts: FrameFacts) -> bool:
        return True
