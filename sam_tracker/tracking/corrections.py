# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Consistency of an answer with its prompt, measured at the network's resolution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.core.boxes import Box
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.prompt import POSITIVE, Prompt
from sam_tracker.networks.upload import uploaded
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.track import Track

LEAST_OVERLAP = 0.25
"""IoU with the mask before, below which an answer to a click is no correction of it."""
LITTLE_CHANGE = 0.8
"""IoU with the mask before, from which an answer to a click needs no other beside it."""
LEAST_KEPT = 0.5
"""Share of the mask before that an answer to positive points alone keeps at least."""


@dataclass(frozen=True)
class Agreement:
    """Consistency of the C candidate masks of an answer with a prompt of N points, on the host."""

    prompt: Prompt
    followed: NDArray[np.bool_]
    """[C, N] whether a cell of the mask's logits on the wanted side is next to the point."""
    areas: NDArray[np.float64]
    """[C] cells of the mask."""
    overlaps: NDArray[np.float64]
    """[C] IoU with the mask that is to be kept for the most part; 1 where there is none."""
    kept: NDArray[np.float64]
    """[C] share of that mask that the answer keeps; 1 where there is none."""

    def contradiction(self, index: int) -> str:
        """Return what is wrong with a candidate; empty if nothing is."""
        if not self.areas[index]:
            return 'the mask would be empty'
        ignored = np.flatnonzero(~self.followed[index])
        if len(ignored):
            x, y = self.prompt.points[ignored[0]]
            positive = self.prompt.labels[ignored[0]] == POSITIVE
            kind, where = ('positive', 'outside') if positive else ('negative', 'inside')
            return f'the {kind} point at ({x:g}, {y:g}) would lie {where} the mask'
        if self.overlaps[index] < LEAST_OVERLAP:
            overlap = self.overlaps[index]
            return f'the mask would be another one (IoU {overlap:.2f} with the mask before)'
        if self.kept[index] < LEAST_KEPT and (self.prompt.labels == POSITIVE).all():
            return f'the mask would keep only {self.kept[index]:.0%} of the mask before'
        return ''


def mask_to_keep(prompt: Prompt, track: Track) -> DecodedMask | None:
    """
    Return the mask of a track that a prompt asks to keep for the most part; None: it does not.

    Points do, up to half a side beside the box of the track; a box, a mask, or a positive point
    that is farther away may mean another object.
    """
    box = track.network_box
    return None if box is None or not keeps_most(prompt, box) else track.decoded_mask


def keeps_most(prompt: Prompt, box: Box) -> bool:
    """Return whether a prompt asks to keep most of a mask with this box [4] of image pixels."""
    if prompt.box is not None or prompt.mask is not None:
        return False
    positive = prompt.points[prompt.labels == POSITIVE]
    margin = (box[2:] - box[:2]) / 2
    outside = (positive < box[:2] - margin).any() or (positive > box[2:] + margin).any()
    return not outside


def agreement(
    mask_logits: Tensor, scale: ImageScale, prompt: Prompt, previous: DecodedMask | None
) -> Agreement:
    """
    Compare candidate masks with the prompt that they answer; the device is waited for once.

    :param mask_logits: [C, s, s].
    :param scale: of the part of the image that they were decoded from, which holds the points.
    :param previous: the mask that the prompt asks to keep for the most part, if any.
    """
    device = mask_logits.device
    masks = mask_logits > 0
    areas = masks.flatten(1).sum(1)
    one = torch.ones(len(masks), device=device)
    overlaps = kept = one
    if previous is not None:
        before = previous.onto(scale) > 0
        either = (masks | before).flatten(1).sum(1)
        shared = (masks & before).flatten(1).sum(1)
        overlaps, kept = shared / either.clamp(min=1), shared / before.sum().clamp(min=1)
    numbers = [areas.float(), overlaps, kept]
    if len(prompt.points):
        signs = np.where(prompt.labels == POSITIVE, 1, -1)
        places = (scale.points_to_network(prompt.points) + 0.5) / scale.network_size * 2 - 1
        rows = np.concatenate((places, signs[:, None]), axis=1).astype(np.float32)
        where = uploaded(rows, device)
        wanted = torch.stack((-mask_logits, mask_logits)).float()
        # Networks are no more precise than a cell.
        nearest = F.max_pool2d(wanted, kernel_size=3, stride=1, padding=1)
        sampled = F.grid_sample(
            nearest, where[None, None, :, :2].expand(2, -1, -1, -1), padding_mode='border',
            align_corners=False,
        )[:, :, 0]  # fmt: skip
        numbers += [*torch.where(where[:, 2] > 0, sampled[1], sampled[0]).T]
    values = torch.stack(numbers).cpu().numpy().astype(np.float64)
    return Agreement(prompt, values[3:].T > 0, *values[:3])
