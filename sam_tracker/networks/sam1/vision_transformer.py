# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The plain vision transformer that encodes the image for SAM (arXiv 2304.02643, 2203.16527)."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.precision import entering
from sam_tracker.networks.sam1.configuration import Sam1Configuration
from sam_tracker.networks.sam2.hiera import join_windows, split_windows
from sam_tracker.networks.sam2.layers import ChannelNorm, pointwise

_BIAS_ELEMENTS = 1 << 24
"""Position biases that are worked out at once: one head of a whole image, 64 MiB."""


class TwoLayerPerceptron(nn.Module):
    """Two linear layers under the names of SAM's checkpoints, with an activation between them."""

    def __init__(self, channels: int, hidden: int, activation: nn.Module) -> None:
        super().__init__()
        self.lin1 = nn.Linear(channels, hidden)
        self.lin2 = nn.Linear(hidden, channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., channels] to the same shape."""
        return self.lin2(self.activation(self.lin1(x)))


class PatchEmbedding(nn.Module):
    """Patches of 16×16 pixels that do not overlap."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, kernel_size=16, stride=16)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, S, S] to tokens [B, S/16, S/16, channels]."""
        return self.proj(images).permute(0, 2, 3, 1)


class RelativeAttention(nn.Module):
    """
    Self-attention with decomposed relative positions (arXiv 2112.01526, equation 4).

    To the score of a query and a key the query's products with two learned vectors are added:
    one for the difference of their rows, one for that of their columns.
    """

    def __init__(self, channels: int, heads: int, table_side: int) -> None:
        """
        Build the layer.

        :param table_side: w, side of the token grid; each table has 2w - 1 rows.
        """
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * table_side - 1, channels // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * table_side - 1, channels // heads))

    def forward(self, x: Tensor) -> Tensor:
        """Map square grids of tokens [B, w, w, channels] to the same shape."""
        batch, side = x.shape[:2]
        qkv = self.qkv(x.flatten(1, 2)).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
        rows, columns = (
            entering(relative_positions(table, side), self.qkv.weight)
            for table in (self.rel_pos_h, self.rel_pos_w)
        )
        portion = max(_BIAS_ELEMENTS // side**4, 1)
        attended = [
            F.scaled_dot_product_attention(
                query[:, None],
                key[:, None],
                value[:, None],
                attn_mask=position_bias(query, rows, columns)[:, None],
            )[:, 0]
            for query, key, value in zip(
                queries.split(portion), keys.split(portion), values.split(portion), strict=True
            )
        ]
        joined = torch.cat(attended).unflatten(0, (batch, self.heads))
        return self.proj(joined.transpose(1, 2).flatten(2)).unflatten(1, (side, side))


class Block(nn.Module):
    """A transformer block that attends inside windows, or to the whole image."""

    def __init__(self, configuration: Sam1Configuration, windowed: bool) -> None:
        super().__init__()
        channels = configuration.width
        self.window = configuration.window if windowed else 0
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = RelativeAttention(
            channels,
            configuration.heads,
            table_side=self.window or configuration.position_grid,
        )
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = TwoLayerPerceptron(channels, 4 * channels, nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens [B, h, h, channels] to the same shape."""
        x = x + self._attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Tensor) -> Tensor:
        if not self.window:
            return self.attn(x)
        side = x.shape[1]
        margin = -side % self.window
        # Windows that reach over the edge hold empty tokens, which take part in attention.
        windows = split_windows(F.pad(x, (0, 0, 0, margin, 0, margin)), self.window)
        return join_windows(self.attn(windows), side)


class ImageEncoder(nn.Module):
    """Blocks at stride 16, and a neck that brings them to the width of the decoder."""

    def __init__(self, configuration: Sam1Configuration) -> None:
        super().__init__()
        width, dimension = configuration.width, configuration.embedding_dimension
        grid = configuration.position_grid
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, width))
        self.patch_embed = PatchEmbedding(width)
        self.blocks = nn.ModuleList(
            Block(configuration, windowed=number not in configuration.global_blocks)
            for number in range(configuration.blocks)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(width, dimension, kernel_size=1, bias=False),
            ChannelNorm(dimension),
            nn.Conv2d(dimension, dimension, kernel_size=3, padding=1, bias=False),
            ChannelNorm(dimension),
        )

    def forward(self, images: Tensor) -> Tensor:
        """
        Encode images.

        :param images: [B, 3, S, S], normalised, S a multiple of 16.
        :returns: the image embedding [B, D, S/16, S/16], laid out channels-last.
        """
        weight = self.patch_embed.proj.weight
        x = self.patch_embed(entering(images, weight))
        x = x + entering(self.position(x.shape[1]), weight)
        for block in self.blocks:
            x = block(x)
        narrow, norm, mix, last_norm = self.neck
        assert isinstance(narrow, nn.Conv2d)
        return last_norm(mix(norm(pointwise(x, narrow).permute(0, 3, 1, 2))))

    def position(self, side: int) -> Tensor:
        """Return the absolute position embedding of a grid, [1, side, side, width]."""
        if side == self.pos_embed.shape[1]:
            return self.pos_embed
        stored = self.pos_embed.permute(0, 3, 1, 2)
        fitted = F.interpolate(stored, size=(side, side), mode='bicubic', antialias=True)
        return fitted.permute(0, 2, 3, 1)


def relative_positions(table: Tensor, side: int) -> Tensor:
    """
    Look up the vectors of all differences between two of ``side`` places.

    :param table: [2w - 1, c], by difference from the most negative on; where w is not ``side`` it
        is interpolated linearly, as SAM does.
    :returns: [side, side, c], for a query's place and a key's.
    """
    rows = 2 * side - 1
    if len(table) != rows:
        table = F.interpolate(table.T[None], size=rows, mode='linear')[0].T
    place = torch.arange(side, device=table.device)
    return table[place[:, None] - place + side - 1]


def position_bias(queries: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """
    Work out what relative positions add to the scores of attention.

    :param queries: [N, w * w, c], not scaled.
    :param rows: [w, w, c].
    :param columns: [w, w, c].
    :returns: [N, w * w, w * w].
    """
    grid = queries.unflatten(1, (len(rows), -1))
    by_row = torch.einsum('nhwc,hkc->nhwk', grid, rows)
    by_column = torch.einsum('nhwc,wkc->nhwk', grid, columns)
    bias = by_row[..., :, None] + by_column[..., None, :]
    return bias.flatten(3).flatten(1, 2)
