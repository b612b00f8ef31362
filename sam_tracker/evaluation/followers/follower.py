# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of an evaluated tracker."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.sequence import Mask, box_of_mask

Box = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """Result of a follower for one object on one frame."""

    mask: Mask
    """[H, W], empty where the object is not seen."""
    box: Box | None
    """[4] x_min, y_min, x_max, y_max in pixels, half open; None where the object is not seen."""

    @property
    def present(self) -> bool:
        return self.box is not None


class Follower(Protocol):
    """
    Tracks objects through one sequence after the other.

    All calls about one image are given the same frame; its pixels are an array.
    """

    name: str

    def begin(self) -> None:
        """Forget all objects, before another sequence."""

    def prompt(self, frame: Frame, object_id: int, prompt: Prompt) -> Observation:
        """Add an object, on the frame that ``step`` was last called with."""

    def step(self, frame: Frame) -> dict[int, Observation]:
        """Return the observation of every object on the next frame, by object id."""


def box_of_prompt(prompt: Prompt) -> Box:
    """
    Return the initial box [4] of a box tracker.

    :raises ValueError: the prompt has points alone.
    """
    if prompt.box is not None:
        return prompt.box
    if prompt.mask is None:
        raise ValueError('a follower of boxes cannot start from points')
    return box_of_mask(prompt.mask)


def filled_box(box: Box, shape: tuple[int, ...]) -> Mask:
    """Return the mask [H, W] of the pixels whose centres lie in a box [4]."""
    y, x = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    inside_y, inside_x = (y >= box[1]) & (y < box[3]), (x >= box[0]) & (x < box[2])
    return np.asarray(inside_y[:, None] & inside_x[None])
