# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks at the resolution of the source image: computed once, together, and only if needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.core.boxes import Box, Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.upload import uploaded


class MaskImages:
    """
    The masks of O objects on one frame.

    Only the part of each that can have pixels is resized, and all parts are copied to the host in
    one transfer. The result equals resizing all logits bilinearly and thresholding at 0.
    """

    def __init__(
        self, logits: Tensor, bounds: Sequence[Box | None], scales: Sequence[ImageScale]
    ) -> None:
        """
        Store the masks as the network decoded them; ``crop`` resizes them.

        :param logits: [O, s, s].
        :param bounds: for each object the first and last column and row of its logits that are
            above 0; None: it has no mask.
        :param scales: for each object how the source image, or the part of it that the mask was
            decoded from, maps to the network's input.
        """
        self.logits = logits
        self.scales = scales
        self._bounds = bounds
        self._crops: list[tuple[Region | None, NDArray[np.uint8]]] | None = None

    def crop(self, index: int) -> tuple[Region | None, NDArray[np.uint8]]:
        """
        Return the smallest rectangle around one mask and what is in it.

        :returns: the rectangle, or None for an empty mask, and its pixels, 255 or 0.
        """
        if self._crops is None:
            self._crops = self._computed()
        return self._crops[index]

    def _computed(self) -> list[tuple[Region | None, NDArray[np.uint8]]]:
        empty = np.zeros((0, 0), dtype=np.uint8)
        regions = [
            None if bound is None else reach(bound, self.logits.shape[-1], scale)
            for bound, scale in zip(self._bounds, self.scales, strict=True)
        ]
        parts = [
            resized_part(logits, region, scale) > 0
            for logits, region, scale in zip(self.logits, regions, self.scales, strict=True)
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
            crops.append(tightened(region, pixels[start:end].reshape(region.height, region.width)))
            start = end
        return crops


def reach(bound: Box, side: int, scale: ImageScale) -> Region:
    """
    Return the part of the source image that a resized mask can have pixels in.

    A pixel is interpolated between the four nearest logits; where none of them is above 0, it
    is not either.

    :param bound: [4] first and last column and row of the logits that are above 0.
    :param side: s, columns and rows of the logits.
    """
    size = np.array([scale.width, scale.height])
    cell = size / _covered(side, scale)
    low = np.floor((bound[:2] - 0.5) * cell - 0.5)
    high = np.ceil((bound[2:] + 1.5) * cell + 0.5)
    # A mask that lies in the padding reaches no pixel.
    x_min, y_min = (int(value) for value in np.clip(low, 0, size))
    x_max, y_max = (int(value) for value in np.minimum(high, size))
    left, top = scale.origin
    return Region(x_min + left, y_min + top, x_max - x_min, y_max - y_min)


def resized_part(logits: Tensor, region: Region, scale: ImageScale) -> Tensor:
    """
    Resize logits [s, s] bilinearly to an image, but only one region of it.

    :param region: within the part of the source image that the scale shows.
    :returns: [region.height, region.width], what torch's ``interpolate`` gives there.
    """
    device, side = logits.device, len(logits)
    columns_step, rows_step = _covered(side, scale) / [scale.width, scale.height]
    x, y = region.x - scale.origin[0], region.y - scale.origin[1]
    low, high, weight = _neighbours(x, region.width, columns_step, side, device)
    # Columns while there are few rows; then whole rows are gathered, which is cheap.
    columns = torch.lerp(logits[:, low], logits[:, high], weight)
    low, high, weight = _neighbours(y, region.height, rows_step, side, device)
    return torch.lerp(columns[low], columns[high], weight[:, None])


def aligned(logits: Tensor, scale: ImageScale, onto: ImageScale, outside: float) -> Tensor:
    """
    Resample logits [s, s] of one part of an image to the cells of another part, bilinearly.

    :param scale: of the logits.
    :param onto: of the result, for the same network.
    :param outside: logit of cells that the logits do not cover.
    :returns: [s, s]; the very logits where the scales are equal.
    """
    if scale == onto:
        return logits
    device, side = logits.device, len(logits)
    axes = []
    for axis in range(2):
        cell = scale.pixel[axis] * scale.network_size / side
        cells = torch.arange(side, device=device, dtype=torch.float32) + 0.5
        places = cells * (onto.pixel[axis] * onto.network_size / side)
        position = (places + (onto.origin[axis] - scale.origin[axis])) / cell - 0.5
        inside = (position >= -0.5) & (position <= side - 0.5)
        position = position.clamp(0, side - 1)
        low = position.long()
        axes.append((low, (low + 1).clamp_(max=side - 1), position - low, inside))
    (left, right, across, columns), (above, below, down, rows) = axes
    sampled = torch.lerp(logits[:, left], logits[:, right], across)
    sampled = torch.lerp(sampled[above], sampled[below], down[:, None])
    return sampled.where(rows[:, None] & columns, outside)


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


def network_mask(mask: NDArray[np.bool_], scale: ImageScale, device: torch.device) -> Tensor:
    """
    Resize a mask to the network's input.

    :param mask: [H, W] of the source image, with at least one pixel in what the scale shows.
    :param scale: how the image maps to the input of S by S pixels.
    :returns: [1, 1, S, S] float32 of 0 and 1, on the device; 0 in the padding.
    """
    shown = np.ascontiguousarray(mask[scale.region.slices])
    given = uploaded(shown, device)[None, None].float()
    columns, rows = scale.covered
    size = (rows, columns)
    if given.shape[2:] != size:
        given = F.interpolate(
            given, size=size, mode='bilinear', align_corners=False, antialias=True
        )
        # A mask smaller than a network pixel keeps the pixels that show most of it.
        given = (given >= given.amax().clamp(max=0.5)).float()
    right, bottom = scale.padding
    return F.pad(given, (0, right, 0, bottom)) if right or bottom else given


def mask_boxes(mask_logits: Tensor) -> Tensor:
    """[..., H, W] logits to [..., 4] float32: first and last column and row that are above 0."""
    columns, rows = mask_logits.amax(-2) > 0, mask_logits.amax(-1) > 0
    x_min, x_max = _first_and_last(columns)
    y_min, y_max = _first_and_last(rows)
    return torch.stack((x_min, y_min, x_max, y_max), dim=-1).float()


def _covered(side: int, scale: ImageScale) -> NDArray[np.float64]:
    """[2] columns and rows, of ``side`` each, of logits that show the image; may be fractions."""
    return side * np.array(scale.covered) / scale.network_size


def _neighbours(
    start: int, count: int, step: float, side: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """
    Find the two of ``side`` logits between which each of ``count`` image pixels lies.

    :param step: logits from one pixel to the next.
    :returns: indices of the lower and the higher logit, and the weight of the higher one.
    """
    pixels = torch.arange(start, start + count, device=device, dtype=torch.float32)
    position = ((pixels + 0.5) * step - 0.5).clamp_(min=0)
    low = position.long()
    return low, (low + 1).clamp_(max=side - 1), position - low


def _first_and_last(present: Tensor) -> tuple[Tensor, Tensor]:
    """[..., N] bool to the first and the last index that is true, both 0 where none is."""
    count = present.shape[-1]
    index = torch.arange(count, device=present.device)
    first = torch.where(present, index, count).amin(-1) % count
    return first, (present * index).amax(-1)
