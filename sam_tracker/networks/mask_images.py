# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks at the resolution of the source image: worked out once, together, and only if needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.core.boxes import Box, Region


class MaskImages:
    """
    The masks of O objects on one frame.

    Only the part of each that can have pixels is ever resized, and all parts come to the host in
    one transfer. A mask is exactly what resizing the whole logits bilinearly and cutting at 0
    gives.
    """

    def __init__(
        self, logits: Tensor, bounds: Sequence[Box | None], width: int, height: int
    ) -> None:
        """
        Take the masks as the network decoded them.

        :param logits: [O, s, s].
        :param bounds: for each object the first and last column and row of its logits that are
            above 0; None: it has no mask.
        :param width: columns of the source image.
        :param height: rows of the source image.
        """
        self.logits = logits
        self.width = width
        self.height = height
        self._bounds = bounds
        self._crops: list[tuple[Region | None, NDArray[np.uint8]]] | None = None

    def crop(self, index: int) -> tuple[Region | None, NDArray[np.uint8]]:
        """
        Return the smallest rectangle around one mask and what is in it.

        :returns: the rectangle, or None for an empty mask, and its pixels, 255 or 0.
        """
        if self._crops is None:
            self._crops = self._work_out()
        return self._crops[index]

    def _work_out(self) -> list[tuple[Region | None, NDArray[np.uint8]]]:
        empty = np.zeros((0, 0), dtype=np.uint8)
        side = self.logits.shape[-1]
        regions = [
            None if bound is None else reach(bound, side, self.width, self.height)
            for bound in self._bounds
        ]
        parts = [
            resized_part(logits, region, self.width, self.height) > 0
            for logits, region in zip(self.logits, regions, strict=True)
            if region is not None
        ]
        if not parts:
            return [(None, empty)] * len(regions)
        pixels = torch.cat([part.flatten() for part in parts]).to(torch.uint8).cpu().numpy() * 255
        crops: list[tuple[Region | None, NDArray[np.uint8]]] = []
        start = 0
        for region in regions:
            if region is None:
                crops.append((None, empty))
                continue
            end = start + region.width * region.height
            crops.append(tightened(region, pixels[start:end].reshape(region.height, -1)))
            start = end
        return crops


def reach(bound: Box, side: int, width: int, height: int) -> Region:
    """
    Return the part of an image that a resized mask can have pixels in.

    A pixel is interpolated between the four nearest logits; where none of them is above 0, it
    is not either.

    :param bound: [4] first and last column and row of the logits that are above 0.
    :param side: s, columns and rows of the logits.
    """
    scale = np.array([width, height]) / side
    low = np.floor((bound[:2] - 0.5) * scale - 0.5)
    high = np.ceil((bound[2:] + 1.5) * scale + 0.5)
    x_min, y_min = (int(value) for value in np.maximum(low, 0))
    x_max, y_max = (int(value) for value in np.minimum(high, [width, height]))
    return Region(x_min, y_min, x_max - x_min, y_max - y_min)


def resized_part(logits: Tensor, region: Region, width: int, height: int) -> Tensor:
    """
    Resize logits [s, s] bilinearly to an image, but only one region of it.

    :returns: [region.height, region.width], what torch's ``interpolate`` gives there.
    """
    device, side = logits.device, len(logits)
    low, high, weight = _neighbours(region.x, region.width, width, side, device)
    # Columns while there are few rows; then whole rows are gathered, which is cheap.
    columns = torch.lerp(logits[:, low], logits[:, high], weight)
    low, high, weight = _neighbours(region.y, region.height, height, side, device)
    return torch.lerp(columns[low], columns[high], weight[:, None])


def tightened(
    region: Region, pixels: NDArray[np.uint8]
) -> tuple[Region | None, NDArray[np.uint8]]:
    """Cut a region [h, w] down to the rows and columns that are not all 0."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None, np.zeros((0, 0), dtype=np.uint8)
    top, left = int(rows[0]), int(columns[0])
    bottom, right = int(rows[-1]) + 1, int(columns[-1]) + 1
    return (
        Region(region.x + left, region.y + top, right - left, bottom - top),
        np.ascontiguousarray(pixels[top:bottom, left:right]),
    )


def network_mask(mask: NDArray[np.bool_], image_size: int, device: torch.device) -> Tensor:
    """
    Bring a mask to the network's size.

    :param mask: [H, W] of the source image, with at least one pixel.
    :param image_size: S.
    :returns: [1, 1, S, S] float32 of 0 and 1, on the device.
    """
    given = torch.from_numpy(mask).to(device)[None, None].float()
    size = (image_size, image_size)
    if given.shape[2:] != size:
        given = F.interpolate(
            given, size=size, mode='bilinear', align_corners=False, antialias=True
        )
        # A mask smaller than a network pixel keeps the pixels that show most of it.
        given = (given >= given.amax().clamp(max=0.5)).float()
    return given


def mask_boxes(mask_logits: Tensor) -> Tensor:
    """[..., H, W] logits to [..., 4] float32: first and last column and row that are above 0."""
    columns, rows = mask_logits.amax(-2) > 0, mask_logits.amax(-1) > 0
    x_min, x_max = _first_and_last(columns)
    y_min, y_max = _first_and_last(rows)
    return torch.stack((x_min, y_min, x_max, y_max), dim=-1).float()


def _neighbours(
    start: int, count: int, length: int, side: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Between which two of ``side`` logits each of ``count`` of ``length`` pixels lies."""
    pixels = torch.arange(start, start + count, device=device, dtype=torch.float32)
    position = ((pixels + 0.5) * (side / length) - 0.5).clamp_(min=0)
    low = position.long()
    return low, (low + 1).clamp_(max=side - 1), position - low


def _first_and_last(present: Tensor) -> tuple[Tensor, Tensor]:
    """[..., N] bool to the first and the last index that is true, both 0 where none is."""
    count = present.shape[-1]
    index = torch.arange(count, device=present.device)
    first = torch.where(present, index, count).amin(-1) % count
    return first, (present * index).amax(-1)
