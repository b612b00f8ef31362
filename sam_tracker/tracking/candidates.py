# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What the host must know of candidate masks to decide among them: one transfer for all objects.

Everything here is measured on the device, where the masks are, and brought over at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.networks.api import MaskCandidates
from sam_tracker.networks.mask_images import mask_boxes
from sam_tracker.networks.masks import resize_logits
from sam_tracker.tracking.contest import Settlement
from sam_tracker.tracking.memory.store import uploaded

ABSENT = -1024.0
"""Logit of every pixel of an object that is not in the image, as SAM 2 has it."""


@dataclass(frozen=True)
class Measurements:
    """Numbers of C candidates for each of O objects, on the host; s is S / 4."""

    affinities: NDArray[np.float64]
    """[O, C], the IoU predicted for each candidate."""
    object_logits: NDArray[np.float64]
    """[O]."""
    boxes: NDArray[np.float64]
    """[O, C, 4], inclusive pixels of the network's input; zeros for an empty mask."""
    bounds: NDArray[np.float64]
    """[O, C, 4], the same of the masks as decoded, at s by s pixels."""
    intersections: NDArray[np.float64] | None
    """
    [O * C, O * C], in how many cells between four logits two masks may both have pixels, at any
    resolution; on the diagonal the sizes of the masks. None where nobody asked.
    """


def absent_suppressed(mask_logits: Tensor, object_logit: Tensor, presence: float) -> Tensor:
    """
    Empty the masks [O, C, s, s] of objects whose logit [O] says that they are not there.

    :param presence: the logit above which an object is there.
    """
    return mask_logits.where((object_logit > presence)[:, None, None, None], ABSENT)


def measure(
    mask_logits: Tensor,
    predicted_iou: Tensor,
    object_logit: Tensor,
    image_size: int,
    batch: int,
    intersecting: bool,
) -> Measurements:
    """
    Measure the candidates of O objects, and wait for the device once.

    :param mask_logits: [O, C, s, s], :param predicted_iou: [O, C], :param object_logit: [O].
    :param image_size: S; boxes are measured on masks resized to it, as SAMURAI does.
    :param batch: objects whose masks are resized at once.
    :param intersecting: whether to measure what masks have in common.
    """
    objects, candidates = predicted_iou.shape
    boxes = _network_boxes(mask_logits, image_size, batch)
    parts = [predicted_iou.float(), object_logit.float(), boxes, mask_boxes(mask_logits)]
    if intersecting:
        parts.append(_intersections(mask_logits))
    numbers = torch.cat([part.flatten() for part in parts]).cpu().numpy().astype(np.float64)
    count = objects * candidates
    ends = np.cumsum([count, objects, 4 * count, 4 * count])
    affinities, object_logits, boxes_, bounds, rest = np.split(numbers, ends)
    return Measurements(
        affinities=affinities.reshape(objects, candidates),
        object_logits=object_logits,
        boxes=boxes_.reshape(objects, candidates, 4),
        bounds=bounds.reshape(objects, candidates, 4),
        intersections=rest.reshape(count, count) if intersecting else None,
    )


def measured_boxes(
    logits: Tensor, image_size: int, batch: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the boxes [O, 4] and the bounds [O, 4] of masks [O, s, s] as ``measure`` does."""
    numbers = torch.stack(
        (_network_boxes(logits[:, None], image_size, batch)[:, 0], mask_boxes(logits))
    )
    boxes, bounds = numbers.cpu().numpy().astype(np.float64)
    return boxes, bounds


def taken(candidates: MaskCandidates, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Take one candidate of each object: its logits [O, s, s] and its token [O, D]."""
    logits = candidates.mask_logits.float()
    numbers = np.array([range(len(chosen)), chosen], dtype=np.int64)
    objects, index = uploaded(numbers, logits.device)
    return logits[objects, index], candidates.tokens[objects, index]


def given_up(logits: Tensor, settlement: Settlement) -> Tensor:
    """
    Take from masks [O, s, s] what other objects keep; all of it from duplicates.

    The loser's logits are held below the negative of the winner's: so no resizing finds a pixel
    above 0 in both.
    """
    logits = logits.clone()
    for loser, winners in settlement.losses:
        if settlement.duplicate_of[loser]:
            logits[loser] = ABSENT
        else:
            for winner in winners:
                torch.minimum(logits[loser], -logits[winner], out=logits[loser])
    return logits


def shared_pixels(logits: Tensor, others: Sequence[Tensor]) -> list[float]:
    """
    Compare a mask [s, s] with N others of the same size.

    :returns: N numbers, the pixels in common as a share of the smaller mask of the two.
    """
    mask = (logits > 0).flatten()
    other = (torch.stack(list(others)) > 0).flatten(1)
    smaller = other.sum(1).clamp(max=mask.sum()).clamp(min=1)
    return list(((other & mask).sum(1) / smaller).tolist())


def _intersections(mask_logits: Tensor) -> Tensor:
    """[O, C, s, s] to [O * C, O * C], the cells that masks have in common."""
    cells = (F.max_pool2d(mask_logits, kernel_size=2, stride=1) > 0).flatten(2).flatten(0, 1)
    # Counting in the narrow types of autocast would end at a few hundred.
    with torch.autocast(cells.device.type, enabled=False):
        numbers = cells.float()
        return numbers @ numbers.T


def _network_boxes(mask_logits: Tensor, image_size: int, batch: int) -> Tensor:
    """[O, C, s, s] to [O, C, 4]: boxes of the masks resized to the network's input."""
    return torch.cat(
        [
            mask_boxes(resize_logits(part, image_size, image_size))
            for part in mask_logits.split(batch)
        ]
    )
