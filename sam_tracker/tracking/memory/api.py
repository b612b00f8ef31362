# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Interface of a memory rule, which chooses the tracked frames that are kept and read.

Frames are counted for each object from its first prompt, frame 0. Prompted frames are conditioning
frames, which ``MemoryBank`` itself keeps and reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from sam_tracker.tracking.memory.candidate_shapes import CandidateShapes

if TYPE_CHECKING:
    from sam_tracker.tracking.settings import TrackerSettings


@dataclass(frozen=True)
class FrameFacts:
    """Scores of an object on a frame, by which memory rules decide."""

    affinity: float
    """s_mask, the IoU predicted for the chosen mask."""
    object_logit: float
    """s_obj; minus infinity where the mask is another object's."""
    motion_score: float | None
    """s_kf; None where the motion was not trusted."""
    area: float = 0.0
    """Area of the mask in pixels of the source image; 0: not seen, or no rule asks for it."""
    shapes: CandidateShapes | None = field(default=None, compare=False)
    """Shapes of all candidates, only while the frame is added; None: no rule asks for them."""
    growth: float = 1.0
    """Size of the mask's box as a multiple of the object's usual size (``Focus.growth``)."""


@dataclass(frozen=True)
class RememberedFrame:
    """One frame of an object whose memory is in the store."""

    frame: int
    facts: FrameFacts
    memory: int
    """Place of its memory in the object's row of the store."""
    pointer: int
    """Place of its object pointer there."""


class MemoryRule(Protocol):
    """Which tracked frames of one object are kept, and which are read: an immutable value."""

    compares_candidates: ClassVar[bool]
    """Whether it asks for ``FrameFacts.area`` and ``FrameFacts.shapes``."""
    keeps_pointers: ClassVar[bool]
    """Whether it may read the pointers of all frames that it keeps, at any distance."""

    @property
    def capacity(self) -> int:
        """Most frames that ``keep`` returns; it bounds the memory of an object."""

    def with_settings(self, settings: 'TrackerSettings') -> 'MemoryRule':
        """Return the rule with other settings and the same state."""

    def after(self, frame: int, facts: FrameFacts) -> 'MemoryRule':
        """
        Return the rule after a tracked frame was added; the same where it learns nothing from it.

        :param frame: its number.
        """

    def keep(self, frames: Sequence[RememberedFrame], newest: int) -> tuple[RememberedFrame, ...]:
        """
        Drop frames that will not be read any more, before a new frame is added.

        What ``read`` may return on the new frame must stay, since it is read again when a prompt
        corrects it, and what it may return on later ones.

        :param frames: all that are kept, oldest first.
        :param newest: number of the new frame, which is not among them.
        """

    def read(
        self, frames: Sequence[RememberedFrame], now: int
    ) -> list[tuple[RememberedFrame, int]]:
        """
        Choose what is read on a frame.

        :param frames: those kept from before ``now``, oldest first.
        :param now: number of the frame that is tracked.
        :returns: in the order in which they are attended to, with their temporal positions
            (``MemoryLayout.recent_memories``): 0 for the newest. A frame at the position of
            conditioning frames is read as these are: its pointer too, at any distance.
        """

    def reads_pointer(self, facts: FrameFacts) -> bool:
        """Return whether the pointer of a frame is read while the frame is recent."""
