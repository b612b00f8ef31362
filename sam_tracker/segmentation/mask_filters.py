# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""By what masks are judged, and what is mended in them."""

from torch import Tensor

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
