# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Stability scores, non-maximum suppression, and removal of small holes and regions."""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sam_tracker.core.boxes import Region, box_iou

Boxes = NDArray[np.float64]
"""[N, 4] x_min, y_min, x_max, y_max, half open."""

SAME_THING_IOU = 0.5
"""IoU of two boxes for the same words above which the worse one is dropped."""
STABILITY_OFFSET = 1.0
"""Offset of the two thresholds of the stability score from 0, in logits, as in SAM."""


def stability_scores(mask_logits: Tensor, offset: float = STABILITY_OFFSET) -> Tensor:
    """
    Measure how little masks depend on the threshold of their logits.

    :param mask_logits: [..., H, W].
    :param offset: of the thresholds, in logits.
    :returns: [...] float32, the IoU of the masks thresholded at ``offset`` and at ``-offset``, 0
        to 1; 0 where both are empty.
    """
    inner = (mask_logits > offset).sum((-2, -1))
    outer = (mask_logits > -offset).sum((-2, -1))
    return (inner / outer.clamp(min=1)).float()


def distinct(boxes: Boxes, greatest_overlap: float, most: int | None = None) -> NDArray[np.int64]:
    """
    Select boxes by non-maximum suppression.

    :param boxes: [N, 4], best first.
    :param greatest_overlap: IoU above which the worse of two boxes is dropped.
    :param most: the most boxes to select; None: no limit.
    :returns: the indices of the selected boxes, best first.
    """
    kept: list[int] = []
    remaining = np.arange(len(boxes))
    while len(remaining) and len(kept) != most:
        best, remaining = remaining[0], remaining[1:]
        kept.append(int(best))
        remaining = remaining[box_iou(boxes[best], boxes[remaining]) <= greatest_overlap]
    return np.array(kept, dtype=np.int64)


def distinct_by_thing(
    boxes: Boxes, scores: NDArray[np.float64], threshold: float
) -> list[tuple[int, int, float]]:
    """
    Give each box the thing that fits it best, and drop duplicates of the same thing.

    :param boxes: [N, 4].
    :param scores: [N, T] of each box for each thing.
    :param threshold: minimum score.
    :returns: box, thing and score of those that are left, best first.
    """
    best, score = scores.argmax(axis=1), scores.max(axis=1)
    chosen: list[tuple[int, int, float]] = []
    for thing in range(scores.shape[1]):
        (found,) = np.nonzero((best == thing) & (score >= threshold))
        ranked = found[np.argsort(-score[found], kind='stable')]
        kept = ranked[distinct(boxes[ranked], SAME_THING_IOU)]
        chosen += [(int(box), thing, float(score[box])) for box in kept]
    return sorted(chosen, key=lambda each: -each[2])


def without_small_parts(mask: NDArray[np.uint8], minimum_area: int) -> NDArray[np.uint8]:
    """
    Fill small holes of a mask, then remove its small regions.

    Regions are 8-connected; holes are 4-connected and enclosed by the mask. Background that
    reaches the border of ``mask`` is not a hole.

    :param mask: [h, w] uint8, 255 on the object, else 0.
    :param minimum_area: smallest hole and region to leave, in pixels.
    :returns: [h, w]; ``mask`` itself when nothing is small, all 0 when no region is large enough.
    """
    if not mask.size:
        return mask
    # Padding connects everything that reaches the border to the background at the corner.
    background = np.full((mask.shape[0] + 2, mask.shape[1] + 2), 255, np.uint8)
    background[1:-1, 1:-1] -= mask
    labels, small = _small_components(background, minimum_area, connectivity=4)
    small[labels[0, 0]] = False
    if small.any():
        mask = np.where(small[labels[1:-1, 1:-1]], np.uint8(255), mask)
    labels, small = _small_components(mask, minimum_area, connectivity=8)
    if small.any():
        mask = np.where(small[labels], np.uint8(0), mask)
    return mask


def near_inner_edge(
    boxes: Boxes, crop: Region, width: int, height: int, reach: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """
    Find boxes that end at an edge of a crop inside the image.

    There the crop cuts off objects, which another crop shows completely.

    :param boxes: [N, 4] in pixels of the image.
    :param crop: in pixels of the image.
    :param width: of the image.
    :param height: of the image.
    :param reach: [2], the distances in x and y within which a box counts as ending at the edge.
    :returns: [N] bool.
    """
    x_reach, y_reach = reach
    left = (crop.x > 0) & (boxes[:, 0] <= crop.x + x_reach)
    top = (crop.y > 0) & (boxes[:, 1] <= crop.y + y_reach)
    x_end, y_end = crop.x + crop.width, crop.y + crop.height
    right = (x_end < width) & (boxes[:, 2] >= x_end - x_reach)
    bottom = (y_end < height) & (boxes[:, 3] >= y_end - y_reach)
    return left | top | right | bottom


def _small_components(
    mask: NDArray[np.uint8], minimum_area: int, connectivity: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Label the connected components of [h, w]; return the labels and which ones are small."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    small = statistics[:, cv2.CC_STAT_AREA] < minimum_area
    small[0] = False  # what is 0 in the mask
    return np.asarray(labels, np.int32), small
