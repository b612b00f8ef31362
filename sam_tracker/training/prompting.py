# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts drawn from the ground truth, like those of a user: boxes, clicks, corrections."""

import torch
from torch import Tensor
import torch.nn.functional as F


def boxes_of(masks: Tensor) -> Tensor:
    """Return the boxes float [O, 4] (x_min, y_min, x_max, y_max) of masks bool [O, S, S]."""
    side = masks.shape[-1]
    index = torch.arange(side, device=masks.device)
    columns, rows = masks.any(1), masks.any(2)
    far = torch.full_like(index, side)
    x_min = torch.where(columns, index, far).amin(1)
    y_min = torch.where(rows, index, far).amin(1)
    x_max = torch.where(columns, index + 1, 0).amax(1)
    y_max = torch.where(rows, index + 1, 0).amax(1)
    return torch.stack((x_min, y_min, x_max, y_max), dim=1).float()


def box_prompt(masks: Tensor, jitter: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """
    Draw boxes by hand around masks bool [O, S, S].

    Each side is off by a normal error of `jitter` times the box's size, at most 20 pixels.

    :returns: points [O, 2, 2] and labels [O, 2].
    """
    boxes = boxes_of(masks)
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    noise = torch.randn(boxes.shape, generator=generator).to(boxes.device)
    boxes = boxes + (jitter * size * noise).clamp(-20, 20)
    # The network counts from pixel centres.
    boxes = boxes.clamp(0, masks.shape[-1]) - 0.5
    labels = torch.tensor([2, 3], device=masks.device).expand(len(masks), 2)
    return boxes.view(-1, 2, 2), labels


def point_in(region: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """
    Draw one pixel of each region bool [O, S, S], more likely well inside, where users click.

    :returns: points float [O, 2], and whether the region had any pixel, bool [O].
    """
    count, side = region.shape[0], region.shape[-1]
    inside = region.float()
    # The share of the surroundings in the region stands in for the distance to its edge.
    around = max(3, side // 16) | 1
    full = F.avg_pool2d(inside[:, None], around, 1, around // 2)[:, 0]
    flat = (inside * full**4).flatten(1)
    found = flat.sum(1) > 0
    chance = torch.rand(count, 1, generator=generator).to(region.device)
    cumulative = flat.cumsum(1)
    index = torch.searchsorted(cumulative, chance * cumulative[:, -1:]).clamp_max(side * side - 1)
    index = index[:, 0]
    points = torch.stack((index % side, index // side), dim=1).float()
    return points, found


def correction(truth: Tensor, answer: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """
    Click where the answer is wrong.

    :param truth: bool [O, S, S].
    :param answer: bool [O, S, S].
    :returns: points [O, 2] and labels [O]: 1 where the object was missed, 0 where something else
        was taken for it, -1 where there is nothing to correct.
    """
    missed, spilled = truth & ~answer, answer & ~truth
    choose_missed = missed.flatten(1).sum(1) >= spilled.flatten(1).sum(1)
    region = torch.where(choose_missed[:, None, None], missed, spilled)
    points, found = point_in(region, generator)
    labels = torch.where(found, choose_missed.long(), -1)
    return points, labels


def drawn_mask(masks: Tensor, generator: torch.Generator) -> Tensor:
    """
    Draw inaccurate masks, as of a quick annotator or another program, bool [O, S, S].

    They are grown or shrunk, and moved, by up to a few pixels, and a piece may be missing.
    """
    count, side = masks.shape[0], masks.shape[-1]
    width = int(torch.randint(0, max(2, side // 32), (1,), generator=generator))
    kernel = 2 * width + 1
    value = masks[:, None].float()
    if torch.rand(1, generator=generator) < 0.5:
        value = F.max_pool2d(value, kernel, 1, width)
    else:
        value = 1 - F.max_pool2d(1 - value, kernel, 1, width)
    shift = torch.randint(-width - 1, width + 2, (2,), generator=generator)
    drawn = value[:, 0].roll((int(shift[0]), int(shift[1])), (1, 2)) > 0.5
    boxes = boxes_of(masks)
    index = torch.arange(side, device=masks.device)
    share = torch.rand(count, 1, generator=generator).to(masks.device)
    cut = boxes[:, 0:1] + (0.55 + 0.9 * share) * (boxes[:, 2:3] - boxes[:, 0:1])
    drawn = drawn & (index < cut)[:, None, :]
    empty = ~drawn.flatten(1).any(1)
    return torch.where(empty[:, None, None], masks, drawn)
