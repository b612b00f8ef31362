# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tracks of one image, as they are recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from sam_tracker.rendering import DrawnTrack


class RecordingError(Exception):
    """A recording that cannot be made or finished; the text names the file or folder."""


@dataclass(frozen=True, eq=False)
class RecordedTrack(DrawnTrack):
    """One object on one image: what is drawn, and its scores and velocity."""

    mask_affinity_score: float = 0.0
    object_score: float = 0.0
    motion_score: float = math.nan
    """NaN while the motion model is not trusted."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Velocity of the box's centre, pixels per second."""


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """All objects on one image."""

    stamp: int
    """Nanoseconds."""
    frame_id: str
    width: int
    height: int
    tracks: Sequence[RecordedTrack]
    processing_latency: float = 0.0
    """Seconds."""
