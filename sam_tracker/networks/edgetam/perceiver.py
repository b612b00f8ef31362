# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The perceiver that makes the memory of a frame short (EdgeTAM, arXiv 2501.07256, section 3.2).

256 global latents attend to the whole memory map, and 256 windowed latents to one cell each of a
grid of 16×16 windows, which keeps where things are.
"""

import torch
from torch import Tensor, nn

from sam_tracker.networks.attention import attend

WINDOWS = 16
"""Windows along either side of the memory map."""
GLOBAL_LATENTS = 256
"""Global tokens of one memory, before those of the windows."""


class LatentAttention(nn.Module):
    """Latents attend to tokens, with one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_x = nn.LayerNorm(channels)
        self.norm_latents = nn.LayerNorm(channels)
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_kv = nn.Linear(channels, 2 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels, bias=False)

    def forward(self, latents: Tensor, tokens: Tensor, positions: Tensor | None) -> Tensor:
        """
        Return the updated latents.

        :param latents: [B, L, C].
        :param tokens: [B, N, C].
        :param positions: [N, C], added to keys and values alike; None: nothing is.
        :returns: [B, L, C].
        """
        queries = self.to_q(self.norm_latents(latents))
        keys, values = self.to_kv(self.norm_x(tokens)).chunk(2, dim=-1)
        if positions is not None:
            keys, values = keys + positions, values + positions
        return self.to_out(_attend(queries, keys, values))


class SelfAttention(nn.Module):
    """Latents attend to each other, with one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_kv = nn.Linear(channels, 2 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels, bias=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Map [B, L, C] to the same shape."""
        normed = self.norm(latents)
        keys, values = self.to_kv(normed).chunk(2, dim=-1)
        return self.to_out(_attend(self.to_q(normed), keys, values))


class PerceiverLayer(nn.Module):
    """The two attentions, each followed by a feed-forward network."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attn = LatentAttention(channels)
        self.ff = _feed_forward(channels)
        self.self_attn = SelfAttention(channels)
        self.self_ff = _feed_forward(channels)

    def forward(self, latents: Tensor, tokens: Tensor, positions: Tensor | None) -> Tensor:
        """Return the latents [B, L, C] after the layer; parameters as ``LatentAttention``."""
        latents = latents + self.attn(latents, tokens, positions)
        latents = latents + self.ff(latents)
        latents = latents + self.self_attn(latents)
        return latents + self.self_ff(latents)


class Perceiver(nn.Module):
    """Two layers, through which both kinds of latents pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(GLOBAL_LATENTS, channels))
        self.latents_2d = nn.Parameter(torch.randn(WINDOWS * WINDOWS, channels))
        self.layers = nn.ModuleList(PerceiverLayer(channels) for _ in range(2))
        self.norm = nn.LayerNorm(channels)

    def forward(self, memory: Tensor, positions: Tensor) -> Tensor:
        """
        Compress the memory maps of O objects.

        :param memory: [O, C, h, w], h = w a multiple of 16.
        :param positions: [h * w, C], where the cells of the map are.
        :returns: [O, 512, C], global latents, then those of the windows row by row.
        """
        objects = len(memory)
        image = memory.permute(0, 2, 3, 1)
        whole = self._refined(self.latents.expand(objects, -1, -1), image.flatten(1, 2), positions)
        # Each window is worked on for itself: a batch of O * 256 with one latent each.
        cells = image.unflatten(2, (WINDOWS, -1)).unflatten(1, (WINDOWS, -1))
        cells = cells.transpose(2, 3).flatten(3, 4).flatten(0, 2)
        latents = self.latents_2d.expand(objects, -1, -1).flatten(0, 1)[:, None]
        windowed = self._refined(latents, cells, None).view(objects, WINDOWS * WINDOWS, -1)
        return self.norm(torch.cat((whole, windowed), dim=1))

    def _refined(self, latents: Tensor, tokens: Tensor, positions: Tensor | None) -> Tensor:
        for layer in self.layers:
            latents = layer(latents, tokens, positions)
        return latents


def _feed_forward(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(channels),
        nn.Linear(channels, 4 * channels, bias=False),
        nn.GELU(),
        nn.Linear(4 * channels, channels, bias=False),
    )


def _attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return attend(queries[:, None], keys[:, None], values[:, None])[:, 0]
