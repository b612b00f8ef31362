# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What EdgeTAM is shown, here and where the reference runs; NumPy alone.

Answers of the reference are in ``test/data/edgetam/reference.npz``; ``record.py`` makes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MODULE_SIZE = 512
"""Side of the input for single modules: windows of the perceiver have 2 by 2 cells."""
CLIP_SIZE = 256
FRAMES = 18
CORRECTED = 8
"""The frame on which some objects are corrected."""
LATE = 10
"""The first frame of the late object."""


@dataclass(frozen=True)
class Command:
    """A prompt for one object."""

    name: str
    frame: int
    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    mask: tuple[int, int, int, int] | None = None
    """First and last row, first and last column of a rectangle."""


_BOX = ((26.0, 51.0), (102.0, 128.0))
COMMANDS = (
    Command('box', 0, _BOX, (2, 3)),
    Command('click', 0, ((180.0, 77.0),), (1,)),
    Command('clicks', 0, ((180.0, 77.0), (9.0, 230.0)), (1, 0)),
    Command('mask', 0, mask=(64, 128, 85, 128)),
    Command('box', CORRECTED, ((128.0, 128.0),), (0,)),
    Command('clicks', CORRECTED, ((51.0, 128.0), (9.0, 9.0)), (1, 1)),
    Command('late', LATE, (*_BOX, (77.0, 77.0)), (2, 3, 1)),
)
PRESENT = ('box', 'click', 'clicks')
"""Objects whose logits are shifted so that they are present on their first frame."""
COMING_AND_GOING = ('mask', 'late')
"""Objects whose logits are shifted so that they are absent on some frames."""


def noise(*shape: int, seed: int) -> Floats:
    """Return standard normal noise, the same with every version of NumPy."""
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def moving_blobs(size: int = CLIP_SIZE, frames: int = FRAMES) -> Iterator[Floats]:
    """Yield normalised frames [3, size, size]: two soft blobs cross a fixed pattern."""
    background = noise(3, size // 8, size // 8, seed=5).repeat(8, axis=1).repeat(8, axis=2)
    colours = 3 * noise(2, 3, 1, 1, seed=6)
    y, x = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing='ij')
    for time in np.linspace(0, 1, frames):
        frame = background.astype(np.float64)
        for colour, cx, cy in zip(colours, (time, 1 - time), (0.3, 0.3 + 0.4 * time), strict=True):
            frame += colour * np.exp(-30 * ((x - cx) ** 2 + (y - cy) ** 2))
        yield frame.astype(np.float32)


def mask_image(command: Command, size: int = CLIP_SIZE) -> NDArray[np.bool_]:
    """Return the mask of a command, [size, size]."""
    assert command.mask is not None
    top, bottom, left, right = command.mask
    mask = np.zeros((size, size), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask
