# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The memory rule of SAMURAI (arXiv 2411.11922, section 3.3): the most recent good frames.

The released code scans back over all frames. Whether a frame is good never changes, so the newest
good ones and the last two frames are all that such a scan can ever read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.api import FrameFacts, RememberedFrame

if TYPE_CHECKING:
    from sam_tracker.tracking.settings import TrackerSettings


class SamuraiRule:
    """Reads the last frame and the newest good ones; their temporal position is their rank."""

    compares_candidates: ClassVar[bool] = False
    keeps_pointers: ClassVar[bool] = False

    def __init__(self, settings: TrackerSettings, layout: MemoryLayout) -> None:
        self._settings, self._layout = settings, layout
        self._good = layout.recent_memories - 1

    @property
    def capacity(self) -> int:
        return self._good + 1

    def with_settings(self, settings: TrackerSettings) -> SamuraiRule:
        return SamuraiRule(settings, self._layout)

    def after(self, _frame: int, _facts: FrameFacts) -> SamuraiRule:
        return self

    def keep(self, frames: Sequence[RememberedFrame], newest: int) -> tuple[RememberedFrame, ...]:
        last = [frame for frame in frames if frame.frame == newest - 1]
        return (*self._good_before(frames, newest - 1), *last)

    def read(
        self, frames: Sequence[RememberedFrame], now: int
    ) -> list[tuple[RememberedFrame, int]]:
        good = self._good_before(frames, now - 1)
        ranked = list(zip(good, range(len(good), 0, -1), strict=True))
        # Rank 0 is the last frame's, good or not, even where it is a conditioning frame.
        return ranked + [(frame, 0) for frame in frames if frame.frame == now - 1]

    def reads_pointer(self, _facts: FrameFacts) -> bool:
        return True

    def _good_before(self, frames: Sequence[RememberedFrame], end: int) -> list[RememberedFrame]:
        good = [frame for frame in frames if frame.frame < end and self._is_good(frame)]
        return good[-self._good :]

    def _is_good(self, frame: RememberedFrame) -> bool:
        settings, facts = self._settings, frame.facts
        # The released code never looks back to the frame after the first prompt.
        return (
            frame.frame >= 2
            and facts.affinity > settings.memory_affinity
            and facts.object_logit > settings.memory_object_logit
            and facts.growth <= settings.memory_growth
            and (facts.motion_score is None or facts.motion_score > settings.memory_motion_score)
        )
