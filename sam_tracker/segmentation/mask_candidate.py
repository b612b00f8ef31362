# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A candidate mask on a single image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sam_tracker.core.boxes import Box, Region, whole_mask


@dataclass(frozen=True, eq=False)
class MaskCandidate:
    """
    A candidate mask with its scores.

    Coordinates are pixels of the source image, the origin at its top left corner, pixel centres
    at +0.5, boxes half open [x_min, y_min, x_max, y_max].
    """

    image_size: tuple[int, int]
    """Width and height of the source image."""
    region: Region | None
    """The smallest rectangle of whole pixels that holds the mask; None when it is empty."""
    mask_crop: NDArray[np.uint8]
    """[region.height, region.width], 255 on the object, else 0; [0, 0] when empty."""
    predicted_iou: float
    """IoU with the object, predicted by the network, 0 to 1."""
    stability_score: float
    """IoU of the masks at a slightly higher and a slightly lower threshold, 0 to 1."""
    logits: Tensor | None
    """
    [s, s] mask logits over the whole image as the network decoded them, on its device, for
    ``ImageSegmenter.refine``; None where the mask was found on a crop of the image.
    """
    point: tuple[float, float] | None = None
    """x and y of the grid point that it was decoded from in automatic mode, else None."""
    prompt_index: int = 0
    """Index of its prompt."""
    label: str = ''
    """The part of the text that it was found for; empty without a text."""
    text_score: float = 0.0
    """Score of the label, 0 to 1, by the text model; 0 without a text."""

    @cached_property
    def area(self) -> int:
        """Number of pixels of the mask."""
        return int(np.count_nonzero(self.mask_crop))

    @property
    def box(self) -> Box | None:
        """[4] box of the mask; None when it is empty."""
        return None if self.region is None else self.region.box

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[H, W], true on the object; created on each access, to save memory."""
        return whole_mask(self.region, self.mask_crop, *self.image_size)


def most_confident(candidates: Sequence[MaskCandidate], count: int) -> list[MaskCandidate]:
    """
    Return the candidates with the highest predicted IoU, in their original order.

    :param count: number of candidates; 0: all.
    """
    if count == 0 or count >= len(candidates):
        return list(candidates)
    best = sorted(
        range(len(candidates)), key=lambda index: candidates[index].predicted_iou, reverse=True
    )
    return [candidates[index] for index in sorted(best[:count])]
