# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""By what masks are judged and compared, and what is mended in them; all of it free functions."""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sam_tracker.core.boxes import Region, box_iou

Boxes = NDArray[np.float64]
"""[N, 4] x_min, y_min, x_max, y_max, half open."""

STABILITY_OFFSET = 1.0
"""Logits by which the threshold of a mask is moved to either side, as in SAM."""


def stability_scores(mask_logits: Tensor, offset: float = STABILITY_OFFSET) -> Tensor:
    """
    Measure how little masks depend on where their logits are cut.

    :param mask_logits: [..., H, W], cut at 0.
    :param offset: logits to either side.
    :returns: [...] float32, the IoU of the masks cut at ``offset`` and at ``-offset``, 0 to 1; 0
        where even the larger one is empty.
    """
    inner = (mask_logits > offset).sum((-2, -1))
    outer = (mask_logits > -offset).sum((-2, -1))
    return (inner / outer.clamp(min=1)).float()


def distinct(boxes: Boxes, greatest_overlap: float, most: int | None = None) -> NDArray[np.int64]:
    """
    Choose boxes by non-maximum suppression: from the best on, each drops those too much like it.

    :param boxes: [N, 4], best first.
    :param greatest_overlap: IoU above which the worse of two is dropped.
    :param most: after how many that are kept to stop; None: never.
    :returns: the indices of those that are kept, best first.
    """
    kept: list[int] = []
    remaining = np.arange(len(boxes))
    while len(remaining) and len(kept) != most:
        best, remaining = remaining[0], remaining[1:]
        kept.append(int(best))
        remaining = remaining[box_iou(boxes[best], boxes[remaining]) <= greatest_overlap]
    return np.array(kept, dtype=np.int64)


def mended(mask: NDArray[np.uint8], minimum_area: int) -> NDArray[np.uint8]:
    """
    Fill small holes of a mask, then remove its small regions.

    A region is what hangs together by sides or corners; a hole is what is enclosed by the mask
    and hangs together by sides. What reaches the border of ``mask`` is open and no hole.

    :param mask: [h, w] uint8, 255 on the object and 0 beside it.
    :param minimum_area: pixels from which on a hole or a region stays.
    :returns: [h, w]; ``mask`` itself when nothing is small, all 0 when no region is large enough.
    """
    if not mask.size:
        return mask
    # One row and column on each side join all that is open to the one background at the corner.
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
    Tell which boxes end at an edge of a crop that is no edge of the image.

    There the crop cuts through things, and another crop shows the whole of them.

    :param boxes: [N, 4] in pixels of the image.
    :param crop: what was looked at, :param width: and :param height: of the image.
    :param reach: [2] columns and rows that count as the edge.
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
    """Label [h, w] what hangs together, and tell for each label whether it is small."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    small = statistics[:, cv2.CC_STAT_AREA] < minimum_area
    small[0] = False  # what is 0 in the mask
    return np.asarray(labels, np.int32), small
