# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks between the sizes and ranges in which the parts of the network speak of them."""

from torch import Tensor
import torch.nn.functional as F

CORRECTED_LOGITS = 32.0
"""Amount to which the logits of a mask are limited when it is corrected, as in SAM 2."""


def resize_logits(mask_logits: Tensor, height: int, width: int) -> Tensor:
    """Resize mask logits [O, C, h, w] bilinearly to [O, C, height, width], in float32."""
    return F.interpolate(
        mask_logits.float(), size=(height, width), mode='bilinear', align_corners=False
    )


def memory_mask(mask_logits: Tensor, binary: bool) -> Tensor:
    """
    Bring mask logits [O, 1, S, S] to the range -10 to 10 in which the memory encoder takes them.

    :param binary: for a frame on which the user said what the mask is: only the sign counts, as
        SAM 2's predictors have it; else the probability.
    """
    probability = (mask_logits > 0).to(mask_logits.dtype) if binary else mask_logits.sigmoid()
    return probability * 20 - 10


def mask_as_logits(mask: Tensor) -> tuple[Tensor, Tensor]:
    """
    Turn a given mask into logits of -10 and 10, as SAM 2 does when a mask is the prompt.

    :param mask: [O, 1, S, S] of 0 and 1.
    :returns: the logits at full size [O, 1, S, S], and at that of decoded masks
        [O, 1, S/4, S/4], where the mean over the shrunk pixels gives values in between.
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
    """Limit the logits of a mask for when it goes in again to be corrected; any shape."""
    return mask_logits.clamp(-CORRECTED_LOGITS, CORRECTED_LOGITS)
