# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Hiera, the hierarchical vision transformer that encodes the image (arXiv 2306.00989)."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.model.configuration import NetworkConfiguration
from sam_tracker.model.layers import MultiLayerPerceptron


class PatchEmbedding(nn.Module):
    """Overlapping 7×7 patches, one every four pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, kernel_size=7, stride=4, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, S, S] to patches [B, S/4, S/4, channels]."""
        return self.proj(images).permute(0, 2, 3, 1)


class WindowedAttention(nn.Module):
    """
    Self-attention of an image inside square windows, or over all of it when the window is 0.

    A window that reaches over the edge of the image is filled up with empty tokens. They are not
    masked: an empty token is zero before the projection, so its key and its value are the
    projection's bias, and the tokens of the image attend to it like to any other. Here the bias
    is put there directly, and nothing is projected for tokens that do not exist.
    """

    def __init__(
        self, channels: int, out_channels: int, heads: int, window: int, pooled: bool
    ) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.pooled = pooled
        self.qkv = nn.Linear(channels, 3 * out_channels)
        self.proj = nn.Linear(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, H, W, channels] to [B, H, W, out_channels], at half the size if pooled."""
        window = self.window or x.shape[1]
        query_window = window // 2 if self.pooled else window
        queries, keys, values = self.qkv(x).chunk(3, dim=-1)
        query_bias, key_bias, value_bias = self.qkv.bias.chunk(3)
        if self.pooled:
            queries = max_pool(queries)
        height, width = queries.shape[1:3]
        attended = F.scaled_dot_product_attention(
            split_windows(queries, query_window, self.heads, query_bias),
            split_windows(keys, window, self.heads, key_bias),
            split_windows(values, window, self.heads, value_bias),
        )
        return self.proj(join_windows(attended, query_window, height, width))


class HieraBlock(nn.Module):
    """A transformer block; where the channels change, the image is halved."""

    def __init__(self, channels: int, out_channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.pooled = channels != out_channels
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = WindowedAttention(channels, out_channels, heads, window, self.pooled)
        self.norm2 = nn.LayerNorm(out_channels, eps=1e-6)
        self.mlp = MultiLayerPerceptron(
            out_channels, 4 * out_channels, out_channels, depth=2, activation=F.gelu
        )
        if self.pooled:
            self.proj = nn.Linear(channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, H, W, channels] to [B, H, W, out_channels], at half the size if pooled."""
        normed = self.norm1(x)
        shortcut = max_pool(self.proj(normed)) if self.pooled else x
        x = shortcut + self.attn(normed)
        return x + self.mlp(self.norm2(x))


class Hiera(nn.Module):
    """Four stages of blocks, at strides 4, 8, 16 and 32."""

    position_weights: Tensor

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        width = configuration.hiera_width
        grid = configuration.hiera_position_grid
        window = configuration.hiera_windows[0]
        self.patch_embed = PatchEmbedding(width)
        self.pos_embed = nn.Parameter(torch.zeros(1, width, grid, grid))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, width, window, window))
        self.blocks = nn.ModuleList()
        self.stage_ends = []
        for stage, count in enumerate(configuration.hiera_blocks):
            for step in range(count):
                first = stage > 0 and step == 0
                # The first block of a stage still looks through the windows of the stage before.
                window = configuration.hiera_windows[stage - 1 if first else stage]
                if len(self.blocks) in configuration.hiera_global_blocks:
                    window = 0
                self.blocks.append(
                    HieraBlock(
                        width * 2 ** (stage - 1 if first else stage),
                        width * 2**stage,
                        configuration.hiera_heads * 2**stage,
                        window,
                    )
                )
            self.stage_ends.append(len(self.blocks) - 1)
        self.stage_channels = [width * 2**stage for stage in range(4)]

        # Bicubic interpolation is linear and separable: one matrix does it along either axis.
        weights = F.interpolate(
            torch.eye(grid)[None, :, :, None],
            size=(configuration.image_size // 4, 1),
            mode='bicubic',
        )
        self.register_buffer('position_weights', weights[0, :, :, 0].T, persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """
        Encode images [B, 3, S, S].

        Returns the last tokens of each stage, [B, S/4, S/4, width] to [B, S/32, S/32, 8 width].
        """
        x = (self.patch_embed(images) + self.position()).contiguous()
        stages = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.stage_ends:
                stages.append(x)
        return stages

    def position(self) -> Tensor:
        """Return the absolute position embedding, [S/4, S/4, width]."""
        weights = self.position_weights
        coarse = torch.einsum('yg,cgf,xf->yxc', weights, self.pos_embed[0], weights)
        fine = self.pos_embed_window[0].permute(1, 2, 0)
        repeats = weights.shape[0] // fine.shape[0]
        return coarse + fine.repeat(repeats, repeats, 1)


def max_pool(x: Tensor) -> Tensor:
    """Halve [B, H, W, C] by the greatest of each 2×2 tokens."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def split_windows(x: Tensor, window: int, heads: int, filling: Tensor) -> Tensor:
    """
    Cut an image of tokens into windows and heads.

    :param x: [B, H, W, C].
    :param filling: [C], what stands where a window reaches over the edge.
    :returns: [B * windows, heads, window * window, C / heads].
    """
    batch, height, width, channels = x.shape
    down, right = -height % window, -width % window
    if down or right:
        filled = filling.to(x.dtype).repeat(batch, height + down, width + right, 1)
        filled[:, :height, :width] = x
        x = filled
    x = x.view(
        batch, x.shape[1] // window, window, x.shape[2] // window, window, heads, channels // heads
    )
    return x.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, heads, window * window, channels // heads)


def join_windows(x: Tensor, window: int, height: int, width: int) -> Tensor:
    """Undo ``split_windows``: [B * windows, heads, window * window, C / heads] to [B, H, W, C]."""
    down, across = -(-height // window), -(-width // window)
    heads, channels = x.shape[1], x.shape[3]
    x = x.view(-1, down, across, heads, window, window, channels).permute(0, 1, 4, 2, 5, 3, 6)
    x = x.reshape(-1, down * window, across * window, heads * channels)
    return x[:, :height, :width]
