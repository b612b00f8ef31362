# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A sequence for evaluation: frames, prompts and ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.prompt import Prompt

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Boxes = NDArray[np.float64]
# In quotes: NumPy 1.21 knows the parameter of its integers in stubs only.
ObjectIds: TypeAlias = 'NDArray[np.integer[Any]]'

NOMINAL_PERIOD = 1_000_000_000 // 30
"""Nanoseconds between frames where a data set does not say otherwise."""


class DatasetError(ValueError):
    """A data set or a sequence of it has not the expected layout; the text says where."""


def no_mask(_frame: int) -> None:
    """Return no mask, for any frame."""


@dataclass(frozen=True)
class Target:
    """One target object of a sequence of T frames."""

    object_id: int
    """Value of its pixels in the sequence's ``object_ids``, from 1."""
    first_frame: int
    """The frame of the prompt, from 0."""
    prompt: Prompt
    boxes: Boxes
    """[T, 4] x_min, y_min, x_max, y_max, half open pixels; NaN where none is known."""
    visible: NDArray[np.bool_]
    """[T] whether it can be seen, as far as is known."""
    mask: Callable[[int], Mask | None] = no_mask
    """The true mask [H, W] on a frame; None where none is known."""
    judged: NDArray[np.bool_] | None = None
    """[T] frames whose truth is known beyond doubt; None: all."""

    @property
    def judged_frames(self) -> NDArray[np.int64]:
        """Numbers of the frames with known ground truth."""
        return np.arange(len(self.visible)) if self.judged is None else np.flatnonzero(self.judged)


@dataclass(frozen=True)
class VideoSequence:
    """A video with its targets."""

    name: str
    frame_count: int
    frames: Callable[[], Iterator[Image]]
    """Starts reading: RGB [H, W, 3], one after the other, as they are asked for."""
    targets: tuple[Target, ...]
    object_ids: Callable[[int], ObjectIds | None] = no_mask
    """[H, W] which object, prompted or not, is at each pixel on a frame; None where not known."""
    frame_period: int = NOMINAL_PERIOD
    """Nanoseconds from frame to frame."""


@dataclass(frozen=True)
class Dataset:
    """Sequences that are opened one by one."""

    name: str
    sequence_names: Sequence[str]
    open_sequence: Callable[[str], VideoSequence]
    """:raises DatasetError: the sequence is broken."""


def box_of_mask(mask: Mask) -> NDArray[np.float64]:
    """Return the smallest box [4] around the pixels of a mask [H, W] that has some."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
