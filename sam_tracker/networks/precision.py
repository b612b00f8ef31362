# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Narrow floating-point types: which weights are kept in them, and where inputs are converted."""

import torch
from torch import Tensor, nn


def narrow_weights(part: nn.Module, precision: torch.dtype) -> None:
    """
    Keep the weights and biases of linear layers and convolutions in a type, in place.

    All else stays float32: norms, positions, rotations and learned tokens.
    """
    for layer in part.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            layer.to(precision)


def entering(x: Tensor, weight: Tensor) -> Tensor:
    """
    Convert what enters a part of a network to the type of its weights.

    Under autocast, which converts the inputs of every layer, it is returned as it is.
    """
    return x if torch.is_autocast_enabled(x.device.type) else x.to(weight.dtype)
