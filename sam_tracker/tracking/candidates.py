# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Measurements of candidate masks on the device, and the choice among them on the host.

All numbers of all objects come to the host in one transfer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.networks.api import ImageFeatures, MaskCandidates
from sam_tracker.networks.mask_images import mask_boxes
from sam_tracker.networks.masks import resize_logits
from sam_tracker.networks.upload import uploaded
from sam_tracker.tracking.appearance import appearances
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.decoded_mask import ABSENT
from sam_tracker.tracking.memory.candidate_shapes import CandidateShapes, packed_shapes
from sam_tracker.tracking.motion.mask_selector import MaskSelector


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
    resolution; on the diagonal the sizes of the masks. None: not measured.
    """
    shapes: NDArray[np.uint16] | None
    """[O, C, s, W], the masks as decoded, for ``CandidateShapes``. None: not measured."""
    appearances: NDArray[np.float64] | None
    """[O, C, D], of what the masks show; zeros for an empty one. None: not measured."""
    cell_areas: NDArray[np.float64]
    """[O], of a cell of the logits, in pixels of the source image; 1 where that is not known."""


def measure(
    candidates: MaskCandidates,
    presence_logit: float,
    image_size: int,
    batch: int,
    intersecting: bool,
    comparing: bool = False,
    features: ImageFeatures | None = None,
) -> tuple[MaskCandidates, Measurements]:
    """
    Empty the masks of absent objects, measure all candidates, and wait for the device once.

    :param presence_logit: the object logit above which an object is present.
    :param image_size: S; boxes are measured on masks resized to it, as SAMURAI does.
    :param batch: objects whose masks are resized at once.
    :param intersecting: whether to measure what masks have in common.
    :param comparing: whether to measure ``shapes``.
    :param features: of one image, or of O images, to measure ``appearances`` by; None: do not.
    """
    present = candidates.object_logit > presence_logit
    mask_logits = candidates.mask_logits.where(present[:, None, None, None], ABSENT)
    parts = {
        'affinities': candidates.predicted_iou.float(),
        'object_logits': candidates.object_logit.float(),
        'boxes': _network_boxes(mask_logits, image_size, batch),
        'bounds': mask_boxes(mask_logits),
    }
    if intersecting:
        parts['intersections'] = _intersections(mask_logits)
    if comparing:
        parts['shapes'] = packed_shapes(mask_logits)
    if features is not None:
        parts['appearances'] = appearances(features, mask_logits)
    numbers = torch.cat([part.flatten() for part in parts.values()]).cpu().numpy()
    ends = np.cumsum([part.numel() for part in parts.values()])
    values = {
        name: numbers[end - part.numel() : end].reshape(part.shape)
        for (name, part), end in zip(parts.items(), ends, strict=True)
    }
    shapes = values.pop('shapes', None)
    exact = {name: value.astype(np.float64) for name, value in values.items()}
    measured = Measurements(
        affinities=exact['affinities'],
        object_logits=exact['object_logits'],
        boxes=exact['boxes'],
        bounds=exact['bounds'],
        intersections=exact.get('intersections'),
        shapes=None if shapes is None else shapes.astype(np.uint16),
        appearances=exact.get('appearances'),
        cell_areas=np.ones(len(mask_logits)),
    )
    return replace(candidates, mask_logits=mask_logits), measured


def decided(
    selector: MaskSelector, measured: Measurements, index: int, presence_logit: float
) -> Decision:
    """
    Choose the mask of one object.

    :param selector: of the object on this frame.
    :param index: of the object among the measured ones.
    :param presence_logit: the object logit above which an object is present.
    """
    choice = selector.choose(measured.affinities[index], measured.boxes[index])
    object_logit = float(measured.object_logits[index])
    shapes = None
    if measured.shapes is not None:
        shapes = CandidateShapes(
            measured.shapes[index], choice.index, float(measured.cell_areas[index])
        )
    return Decision(
        choice=choice,
        object_logit=object_logit,
        bound=measured.bounds[index, choice.index],
        present=object_logit > presence_logit,
        shapes=shapes,
        appearance=None
        if measured.appearances is None
        else measured.appearances[index, choice.index],
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


def measured_intersections(logits: Tensor) -> NDArray[np.float64]:
    """Measure what masks [O, s, s] have in common, [O, O], as ``measure`` does."""
    return np.asarray(_intersections(logits[:, None]).cpu().numpy(), np.float64)


def chosen_masks(candidates: MaskCandidates, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Select one candidate of each object: its logits [O, s, s] and its token [O, D]."""
    logits = candidates.mask_logits.float()
    numbers = np.array([range(len(chosen)), chosen], dtype=np.int64)
    objects, index = uploaded(numbers, logits.device)
    return logits[objects, index], candidates.tokens[objects, index]


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
