# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Result of matching the detections of one image with the tracked objects."""

from __future__ import annotations

from dataclasses import dataclass, field
import enum

from sam_tracker.core.boxes import Box


class Effect(enum.Enum):
    """What to do with an object."""

    NEW = 'new objects'
    FOUND_AGAIN = 'found again'
    CORRECTED = 'corrected'
    EXPIRED = 'expired'


@dataclass(frozen=True, eq=False)
class Action:
    """A prompt, or the removal of an object."""

    effect: Effect
    object_id: int
    """0: a new object."""
    box: Box | None = None
    """[4] of the prompt, half open, in pixels of the image; None: remove the object."""
    label: str = ''


@dataclass(eq=False)
class Outcome:
    """Result of matching the detections of one image."""

    matches: dict[int, int] = field(default_factory=dict)
    """Rows of the detections by object id."""
    actions: list[Action] = field(default_factory=list)
    unmatched: int = 0
    """Detections of what nobody tracks."""
    ignored: int = 0
    """Detections with a low score or another label, or beyond the bound of their number."""
    surplus: int = 0
    """Those of them that are only beyond the bound."""
