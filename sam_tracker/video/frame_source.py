# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of a source of frames."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.time import SECOND

DEFAULT_RATE = 30.0
"""Frames per second of a source without timing."""

LATEST = 2**31 * SECOND
"""Nanoseconds; the seconds of a stamp have 31 bits."""

# Some containers claim thousands of frames per second, which no real video has.
LARGEST_RATE = 1000.0


class VideoError(ValueError):
    """A video or a folder of images that cannot be read; the text names it."""


@dataclass(frozen=True)
class Frame:
    """One frame of a source."""

    bgr: NDArray[np.uint8]
    """(height, width, 3), valid until the next ``read``."""
    nanoseconds: int
    """Time in the recording, 0 for the first frame."""


class FrameSource(Protocol):
    """A source of frames of one size."""

    rate: float
    """Frames per second."""
    frame_count: int | None
    """None for an endless source; for a file what its header claims."""
    start: int | None
    """When the first frame was recorded, in nanoseconds since 1970; None if unknown."""

    @property
    def undecoded(self) -> int:
        """Number of damaged frames skipped since the start."""

    def read(self) -> Frame | None:
        """
        Return the next frame, or None after the last.

        :raises VideoError: the next frame cannot be read.
        """

    def rewind(self) -> None:
        """Go back to the start."""

    def close(self) -> None:
        """Close the file."""
