# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Layers that several parts of a network share."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.attention import attend


class MultiLayerPerceptron(nn.Module):
    """Linear layers with an activation between them and none after the last."""

    def __init__(
        self,
        channels: int,
        hidden: int,
        out_channels: int,
        depth: int,
        activation: Callable[[Tensor], Tensor] = F.relu,
    ) -> None:
        super().__init__()
        widths = [channels, *[hidden] * (depth - 1), out_channels]
        self.layers = nn.ModuleList(
            nn.Linear(width, next_width) for width, next_width in pairwise(widths)
        )
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., channels] to [..., out_channels]."""
        *inner, last = self.layers
        for layer in inner:
            x = self.activation(layer(x))
        return last(x)


class ChannelNorm(nn.LayerNorm):
    """
    Layer normalisation over the channels of [B, C, H, W].

    The norm is taken over the last dimension of the channels-last view, where it is one fused
    kernel; the result is laid out channels-last.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each pixel of [B, C, H, W]."""
        return self.tokens(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def tokens(self, x: Tensor) -> Tensor:
        """Normalise each token of [..., C]."""
        return super().forward(x)


class Attention(nn.Module):
    """The four projections of an attention layer, and attention over several heads."""

    def __init__(
        self, channels: int, heads: int, inner: int, key_channels: int | None = None
    ) -> None:
        super().__init__()
        key_channels = channels if key_channels is None else key_channels
        self.heads = heads
        self.q_proj = nn.Linear(channels, inner)
        self.k_proj = nn.Linear(key_channels, inner)
        self.v_proj = nn.Linear(key_channels, inner)
        self.out_proj = nn.Linear(inner, channels)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """
        Attend from queries to keys.

        :param queries: [B, N, channels].
        :param keys: [B, M, key_channels].
        :param values: [B, M, key_channels].
        :returns: [B, N, channels].
        """
        attended = attend(
            self._split(self.q_proj(queries)),
            self._split(self.k_proj(keys)),
            self._split(self.v_proj(values)),
        )
        return self.out_proj(attended.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def as_tokens(image: Tensor) -> Tensor:
    """View [B, C, h, w] as [B, h * w, C]; contiguous where the image is laid out channels-last."""
    return image.flatten(2).transpose(1, 2)


def as_image(tokens: Tensor, side: int) -> Tensor:
    """View [B, side * side, C] as [B, C, side, side], laid out channels-last."""
    return tokens.unflatten(1, (side, side)).permute(0, 3, 1, 2)


def pointwise(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Apply a 1×1 convolution to [..., C] as a linear map."""
    return F.linear(x, convolution.weight.flatten(1), convolution.bias)


def joint_pointwise(first: nn.Conv2d, second: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """
    Join two consecutive 1×1 convolutions.

    Multiplying the two weights is far less work than computing the wide map between them.

    :returns: weight and bias of the one linear map that they are.
    """
    outer = second.weight.flatten(1)
    weight = outer @ first.weight.flatten(1)
    assert first.bias is not None and second.bias is not None
    return weight, torch.addmv(second.bias, outer, first.bias)
