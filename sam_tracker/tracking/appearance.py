# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Appearance of an object: the mean of the image embedding over its mask.

When something passes in front of an object, the network often follows it and goes on to report the
object as present. The mean embedding of such a mask differs from that on the prompted frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.networks.api import ImageFeatures

Appearance: TypeAlias = NDArray[np.float64]
"""[D], of a mask; zeros for an empty one."""


def appearances(features: ImageFeatures, mask_logits: Tensor) -> Tensor:
    """
    Average the image embedding over candidate masks, on the device.

    :param features: of one image, or of O images.
    :param mask_logits: [O, C, s, s].
    :returns: [O, C, D] float32; zeros for an empty mask.
    """
    embedding = features.embedding
    height, width = embedding.shape[-2:]
    cells = F.adaptive_avg_pool2d((mask_logits > 0).float(), (height, width))
    # Sums over a large mask would overflow in the narrow types of autocast.
    with torch.autocast(cells.device.type, enabled=False):
        weights = cells.flatten(2)
        sums = weights @ embedding.float().flatten(2).transpose(1, 2)
        return sums / weights.sum(-1, keepdim=True).clamp(min=1e-6)


def familiarity(appearance: Appearance, known: Sequence[Appearance]) -> float:
    """Return the greatest cosine of an appearance to known ones, -1 to 1; 1 if none is known."""
    norms = [float(np.linalg.norm(appearance) * np.linalg.norm(each)) for each in known]
    cosines = [
        float(appearance @ each) / norm
        for each, norm in zip(known, norms, strict=True)
        if norm > 0
    ]
    return max(cosines, default=1.0)
