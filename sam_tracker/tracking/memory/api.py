# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What a memory rule must do: choose which tracked frames of an object are kept and read.

Frames are counted for each object from its first prompt, frame 0. Prompted frames are not the
rule's: they are conditioning frames, which ``MemoryBank`` keeps and reads by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class FrameFacts:
    """What is known of an object on a frame when the frame is remembered."""

    affinity: float
    """s_mask, the IoU predicted for the chosen mask."""
    object_logit: float
    """s_obj; minus infinity where the mask is another object's."""
    motion_score: float | None
    """s_kf; None where the motion was not trusted."""


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
    """Which tracked frames of one object are kept, and which are read; it has no state."""

    @property
    def capacity(self) -> int:
        """Most frames that ``keep`` returns; it bounds the memory of an object."""

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
        :returns: in the order in which they are attended to, oldest first, with their temporal
            positions (``MemoryLayout.recent_memories``): 0 for the newest.
        """
