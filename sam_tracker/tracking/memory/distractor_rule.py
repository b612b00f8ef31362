# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The distractor-aware memory rule of DAM4SAM (arXiv 2411.17576, section 3; arXiv 2509.13864).

Memory has two parts. Recent frames, five frames apart, show how the object looks now; frames on
which it is not seen are left out. Anchors are frames on which the network was sure of its mask
while another candidate reached for something beside the object: they show how the object differs
from a look-alike. They are read as prompted frames are.

The released code keeps all frames and all anchors. What it can read of them is bounded: the newest
three anchors before the last frame, the newest frame with a mask, and so many with a number
divisible by five that all slots are filled. A property test compares the two.

Unlike in DAM4SAM, masks that have spread (``memory_growth``) are neither anchors nor among the
frames at the stride; the newest frame is read whatever it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, ClassVar

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.api import FrameFacts, RememberedFrame

if TYPE_CHECKING:
    from sam_tracker.tracking.settings import TrackerSettings

ANCHORS = 3
"""Anchors that are read."""
STRIDE = 5
"""Frames between the recent memories, after the newest one."""
ANCHOR_SPACING = 5
"""Frames since the last anchor, above which there may be another."""
AREA_RATIOS = (0.8, 1.2)
"""Ratio of an anchor's area to the median of the recent areas, least and most."""
AREAS = 10
"""Recent areas of which the median is taken."""
AREA_AGE = 300
"""Frames after which an area is no longer recent."""
FEWEST_AREAS = 2
"""Least number of recent areas of which a median is taken."""
ANCHOR_AFFINITY = 0.8
"""Predicted IoU above which the network is sure of its mask."""
BOX_AGREEMENT = 0.7
"""``CandidateShapes.box_agreement`` up to which another candidate shows a distractor."""


@dataclass(frozen=True)
class DistractorRule:
    """Reads anchors, the newest frame with a mask and older ones at a stride, by their rank."""

    settings: TrackerSettings
    layout: MemoryLayout
    anchors: tuple[int, ...] = ()
    """
    Numbers of the newest anchors, oldest first: those that are read, one that may be the last
    frame, and one that is no longer read, kept so that it is not mistaken for an ordinary frame.
    """
    areas: tuple[tuple[int, float], ...] = ()
    """Numbers and areas of the newest frames with a mask, oldest first."""

    compares_candidates: ClassVar[bool] = True
    keeps_pointers: ClassVar[bool] = True

    @property
    def capacity(self) -> int:
        return self.layout.recent_memories + 1

    def with_settings(self, settings: TrackerSettings) -> DistractorRule:
        return replace(self, settings=settings)

    def after(self, frame: int, facts: FrameFacts) -> DistractorRule:
        areas = self.areas
        if facts.area > 0:
            areas = (*areas, (frame, facts.area))[-AREAS:]
        areas = tuple((number, area) for number, area in areas if frame - number < AREA_AGE)
        rule = replace(self, areas=areas)
        if not rule._is_anchor(frame, facts):
            return rule
        return replace(rule, anchors=(*self.anchors, frame)[-self._most_anchors - 2 :])

    def keep(self, frames: Sequence[RememberedFrame], newest: int) -> tuple[RememberedFrame, ...]:
        plain = self._with_mask(frames)
        slots = self.layout.recent_memories - len(self._read_anchors(newest))
        kept = {
            *self.anchors[-self._most_anchors - 1 :],
            *(frame.frame for frame in self._at_stride(plain, plain[-1:], slots)),
        }
        return tuple(frame for frame in frames if frame.frame in kept)

    def read(
        self, frames: Sequence[RememberedFrame], now: int
    ) -> list[tuple[RememberedFrame, int]]:
        read = self._read_anchors(now)
        anchors = [frame for frame in frames if frame.frame in read]
        plain = self._with_mask(frames)
        # The last frame is read as the newest one even where it is an anchor.
        last = [frame for frame in frames if frame.frame == now - 1 and now - 1 in self.anchors]
        recent = self._at_stride(
            plain, last or plain[-1:], self.layout.recent_memories - len(read)
        )
        return [
            *((frame, self.layout.conditioning_position) for frame in anchors),
            *zip(recent, range(len(recent) - 1, -1, -1), strict=True),
        ]

    def reads_pointer(self, facts: FrameFacts) -> bool:
        return facts.area > 0

    def _read_anchors(self, now: int) -> tuple[int, ...]:
        """Return the numbers of the anchors that are read as such on a frame."""
        before = [number for number in self.anchors if number < now - 1]
        return tuple(before[max(len(before) - self._most_anchors, 0) :])

    @property
    def _most_anchors(self) -> int:
        """Anchors that are read at most; networks with few slots keep half of them for others."""
        return min(ANCHORS, self.layout.recent_memories // 2)

    def _with_mask(self, frames: Sequence[RememberedFrame]) -> list[RememberedFrame]:
        """Return the frames that are no anchors and on which the object was seen."""
        return [
            frame for frame in frames if frame.facts.area > 0 and frame.frame not in self.anchors
        ]

    def _is_anchor(self, frame: int, facts: FrameFacts) -> bool:
        """Return whether a frame qualifies as an anchor; cheap tests come first."""
        if facts.shapes is None or not facts.area or facts.affinity <= ANCHOR_AFFINITY:
            return False
        if facts.growth > self.settings.memory_growth:
            return False
        if self.anchors and frame - self.anchors[-1] <= ANCHOR_SPACING:
            return False
        areas = [area for _, area in self.areas]
        ratio = facts.area / median(areas)
        if len(areas) < FEWEST_AREAS or not AREA_RATIOS[0] <= ratio <= AREA_RATIOS[1]:
            return False
        return facts.shapes.box_agreement <= BOX_AGREEMENT

    def _at_stride(
        self, frames: Sequence[RememberedFrame], last: Sequence[RememberedFrame], slots: int
    ) -> list[RememberedFrame]:
        """Return the last frame, if any, and the newest before it with a number at the stride."""
        older = [
            frame
            for frame in frames
            if last
            and frame.frame < last[0].frame
            and frame.frame % STRIDE == 0
            and frame.facts.growth <= self.settings.memory_growth
        ]
        return [*older[max(len(older) - slots + 1, 0) :], *last]
