# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks that were decoded from different parts of one frame, compared with each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.core.boxes import Box
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.mask_images import aligned
from sam_tracker.tracking.overlaps import Resolution

ABSENT = -1024.0
"""Logit of every pixel of an object that is not in the image, as in SAM 2."""


@dataclass(frozen=True, eq=False)
class DecodedMask:
    """One mask as the network decoded it."""

    logits: Tensor
    """[s, s]."""
    scale: ImageScale
    """How the part of the image that it was decoded from maps to the network's input."""

    def onto(self, scale: ImageScale) -> Tensor:
        """Return the logits [s, s] on the cells of another part of the image."""
        return aligned(self.logits, self.scale, scale, outside=ABSENT)


def compared_masks(mask: DecodedMask, others: Sequence[DecodedMask]) -> NDArray[np.float64]:
    """
    Compare a mask with N others.

    :returns: [2, N] the pixels in common as a share of the smaller mask of the two, and as a
        share of their union (IoU).
    """
    masks, count = [mask, *others], len(others) + 1
    pairs = [(0, index) for index in range(1, count)] + [(index, index) for index in range(count)]
    areas = np.array(_areas(masks, pairs))
    shared, size, sizes = areas[: count - 1], areas[count - 1], areas[count:]
    smaller = np.maximum(np.minimum(sizes, size), 1e-9)
    return np.stack((shared / smaller, shared / np.maximum(sizes + size - shared, 1e-9)))


def areas_in_common(
    masks: Sequence[DecodedMask], boxes: Sequence[Box | None]
) -> NDArray[np.float64]:
    """
    Measure what masks have in common, in pixels of the source image.

    :param boxes: [4] of each in image pixels, None where it is empty; masks whose boxes do not
        meet are not compared.
    :returns: [O, O], on the diagonal the sizes of the masks.
    """
    count = len(masks)
    pairs = [(index, index) for index in range(count)]
    pairs += [
        (one, other)
        for one, other in combinations(range(count), 2)
        if _meet(boxes[one], boxes[other])
    ]
    areas = np.zeros((count, count))
    for (one, other), area in zip(pairs, _areas(masks, pairs), strict=True):
        areas[one, other] = areas[other, one] = area
    return areas


def _areas(masks: Sequence[DecodedMask], pairs: Sequence[tuple[int, int]]) -> list[float]:
    """
    Measure what pairs of masks have in common, in pixels of the source image.

    They are compared on the cells of the finer one. The device is waited for once.
    """
    cells = [float(np.prod(mask.scale.pixel)) for mask in masks]
    counts = []
    for one, other in pairs:
        fine, coarse = (one, other) if cells[one] <= cells[other] else (other, one)
        common = masks[fine].logits > 0
        if fine != coarse:
            common = common & (masks[coarse].onto(masks[fine].scale) > 0)
        counts.append(common.sum())
    return [
        number * min(cells[one], cells[other])
        for (one, other), number in zip(pairs, torch.stack(counts).cpu().tolist(), strict=True)
    ]


def without_lost_pixels(masks: Sequence[DecodedMask], resolution: Resolution) -> Tensor:
    """
    Remove from O masks what other objects keep; all of it from duplicates.

    The loser's logits are held below the negative of the winner's: so no resizing finds a pixel
    above 0 in both, where both were decoded from the same part of the image.

    :returns: [O, s, s].
    """
    logits = torch.stack([mask.logits for mask in masks])
    for loser, winners in resolution.losses:
        if resolution.duplicate_of[loser]:
            logits[loser] = ABSENT
            continue
        for winner in winners:
            kept = DecodedMask(logits[winner], masks[winner].scale).onto(masks[loser].scale)
            torch.minimum(logits[loser], -kept, out=logits[loser])
    return logits


def _meet(one: Box | None, other: Box | None) -> bool:
    if one is None or other is None:
        return False
    return bool(np.all(np.maximum(one[:2], other[:2]) < np.minimum(one[2:], other[2:])))
