# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversions between the sizes and value ranges of masks that parts of a network expect."""

from torch import Tensor
import torch.nn.functional as F

from sam_tracker.core.coordinates import ImageScale

CORRECTED_LOGITS = 32.0
"""Limit of the absolute logits of a mask that is corrected, as in SAM 2."""


def resize_logits(mask_logits: Tensor, height: int, width: int) -> Tensor:
    """Resize mask logits [O, C, h, w] bilinearly to [O, C, height, width], in float32."""
    return F.interpolate(
        mask_logits.float(), size=(height, width), mode='bilinear', align_corners=False
    )


def input_logits(mask_logits: Tensor, scale: ImageScale) -> Tensor:
    """
    Resize mask logits [O, C, s, s] to the network's input, without its padding.

    :returns: [O, C, rows, columns], as many as ``scale.covered``.
    """
    columns, rows = scale.covered
    size = scale.network_size
    return resize_logits(mask_logits, size, size)[..., :rows, :columns]


def memory_mask(mask_logits: Tensor, binary: bool) -> Tensor:
    """
    Convert mask logits [O, 1, S, S] to the range -10 to 10 that memory encoders expect.

    :param binary: use only the sign, as SAM 2's predictors do on prompted frames; else the
        probability.
    """
    probability = (mask_logits > 0).to(mask_logits.dtype) if binary else mask_logits.sigmoid()
    return probability * 20 - 10


def mask_as_logits(mask: Tensor) -> tuple[Tensor, Tensor]:
    """
    Convert a given mask to logits of -10 and 10, as SAM 2 does for mask prompts.

    :param mask: [O, 1, S, S] of 0 and 1.
    :returns: the logits at full size [O, 1, S, S], and at the size of decoded masks
        [O, 1, S/4, S/4], where antialiasing gives values in between.
    """
    full = mask.float() * 20 - 10
    small = F.interpolate(
        full,
        size=(full.shape[-2] // 4, full.shape[-1] // 4),
        mode='bilinear',
        align_corners=False,
        antialias=True,
    )
    return full, small


def corrected_logits(mask_logits: Tensor) -> Tensor:
    """Limit the logits of a mask that is to be the input of a correction; any shape."""
    return mask_logits.clamp(-CORRECTED_LOGITS, CORRECTED_LOGITS)
