# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Hiera, the hierarchical vision transformer that encodes the image (arXiv 2306.00989)."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.attention import attend
from sam_tracker.networks.sam2.configuration import NetworkConfiguration
from sam_tracker.networks.sam2.layers import MultiLayerPerceptron


class PatchEmbedding(nn.Module):
    """Projects overlapping 7×7 patches at stride 4."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, kernel_size=7, stride=4, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, S, S] to patches [B, S/4, S/4, channels]."""
        return self.proj(images).permute(0, 2, 3, 1)


class WindowedAttention(nn.Module):
    """
    Self-attention within square windows, or over the whole image when the window is 0.

    A window across the edge of the image is padded with empty tokens. They are not masked: an
    empty token is zero before the projection, so its key and value are the projection's bias, and
    the tokens of the image attend to it as to any other. Here the bias is filled in directly, and
    nothing is projected for padding.
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
        """Map [B, H, H, channels] to [B, H, H, out_channels], at half the size if pooled."""
        side = x.shape[1]
        window = self.window or side
        if side % window:
            qkv = split_windows(self._padded(self.qkv(x), -side % window), window)
        else:
            qkv = self.qkv(split_windows(x, window))
        queries, keys, values = qkv.chunk(3, dim=-1)
        if self.pooled:
            queries, side, window = max_pool(queries), side // 2, window // 2
        attended = attend(self._heads(queries), self._heads(keys), self._heads(values))
        attended = attended.transpose(1, 2).flatten(2).unflatten(1, (window, window))
        return self.proj(join_windows(attended, side))

    def _padded(self, qkv: Tensor, margin: int) -> Tensor:
        """Pad [B, H, H, 3C] with empty tokens at the bottom and on the right."""
        batch, side = qkv.shape[:2]
        padded = self.qkv.bias.to(qkv.dtype).repeat(batch, side + margin, side + margin, 1)
        padded[:, :side, :side] = qkv
        return padded

    def _heads(self, x: Tensor) -> Tensor:
        """View windows [W, w, w, C] as [W, heads, w * w, C / heads]."""
        return x.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)


class HieraBlock(nn.Module):
    """A transformer block; halves the image where the number of channels changes."""

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
                # The first block of a stage has the windows of the stage before.
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

        # Bicubic interpolation is linear and separable: one matrix for both axes.
        weights = F.interpolate(
            torch.eye(grid)[None, :, :, None],
            size=(configuration.image_size // 4, 1),
            mode='bicubic',
        )
        self.register_buffer('position_weights', weights[0, :, :, 0].T, persistent=False)
        self._fixed_position: Tensor | None = None

    def forward(self, images: Tensor) -> list[Tensor]:
        """
        Encode images.

        :param images: [B, 3, S, S].
        :returns: the output of each stage, [B, S/4, S/4, width] to [B, S/32, S/32, 8 width].
        """
        position = self.position() if self._fixed_position is None else self._fixed_position
        x = (self.patch_embed(images) + position).contiguous()
        stages = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.stage_ends:
                stages.append(x)
        return stages

    def fix_position(self, precision: torch.dtype) -> None:
        """Compute the position embedding once and for all; its parameters are then not read."""
        self._fixed_position = self.position().to(precision)

    def position(self) -> Tensor:
        """Return the absolute position embedding, [S/4, S/4, width]."""
        weights = self.position_weights
        rows = weights @ self.pos_embed[0].permute(1, 2, 0).flatten(1)
        coarse = weights @ rows.unflatten(1, (weights.shape[1], -1))
        fine = self.pos_embed_window[0].permute(1, 2, 0)
        repeats = weights.shape[0] // fine.shape[0]
        return coarse + fine.repeat(repeats, repeats, 1)


def max_pool(x: Tensor) -> Tensor:
    """Halve [B, H, W, C] by 2×2 max pooling."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def split_windows(x: Tensor, window: int) -> Tensor:
    """Split [B, H, H, C] into windows [B * windows, window, window, C]."""
    x = x.unflatten(2, (-1, window)).unflatten(1, (-1, window))
    return x.transpose(2, 3).flatten(0, 2)


def join_windows(x: Tensor, side: int) -> Tensor:
    """
    Join windows to [B, side, side, C] without padding; the inverse of ``split_windows``.

    The result is contiguous: a linear layer would copy its weights for every row of another.
    """
    window = x.shape[1]
    across = -(-side // window)
    x = x.unflatten(0, (-1, across, across)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
    return x[:, :side, :side].contiguous()
