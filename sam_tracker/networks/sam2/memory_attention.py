# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Attention of the current image to what was remembered of earlier ones."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.sam2.configuration import VideoConfiguration
from sam_tracker.networks.sam2.layers import Attention
from sam_tracker.networks.sam2.position_encoding import rotate


class RotaryAttention(Attention):
    """Attention of one head in which queries and keys are turned by where they lie."""

    def __init__(self, dimension: int, key_channels: int) -> None:
        super().__init__(dimension, heads=1, inner=dimension, key_channels=key_channels)
        self.project_last = False

    def attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        query_rotation: Tensor,
        key_rotation: Tensor,
    ) -> Tensor:
        """
        Attend from queries [1 or O, N, D] to keys and values [O, M, key_channels].

        Returns [O, N, D].
        """
        queries = rotate(self.q_proj(queries), query_rotation)
        keys = rotate(self.k_proj(keys), key_rotation)
        queries = queries.expand(len(keys), -1, -1)
        if self.project_last:
            return self._project(gather(queries, keys, values))
        values = self.v_proj(values)
        attended = F.scaled_dot_product_attention(queries[:, None], keys[:, None], values[:, None])
        return self.out_proj(attended[:, 0])

    def _project(self, gathered: Tensor) -> Tensor:
        """Project values that were gathered unprojected, [O, N, key_channels] to [O, N, D]."""
        outer = self.out_proj.weight
        return F.linear(
            gathered,
            outer @ self.v_proj.weight,
            torch.addmv(self.out_proj.bias, outer, self.v_proj.bias),
        )


def gather(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """
    Attend with values narrower than the keys, in portions that stay in a processor's cache.

    :param queries: [O, N, D], :param keys: [O, M, D], :param values: [O, M, C].
    :returns: [O, N, C].
    """
    values = values.to(keys.dtype)
    scaled = queries * queries.shape[-1] ** -0.5
    portions = [
        torch.mm(torch.mm(portion, key.T).softmax(dim=-1), value)
        for query, key, value in zip(scaled, keys, values, strict=True)
        for portion in query.split(256)
    ]
    return torch.cat(portions).view(*queries.shape[:2], -1)


class MemoryAttentionLayer(nn.Module):
    """The image attends to itself, then to the memory."""

    def __init__(self, configuration: VideoConfiguration) -> None:
        super().__init__()
        dimension = configuration.embedding_dimension
        feedforward = configuration.memory_attention_feedforward
        self.self_attn = RotaryAttention(dimension, key_channels=dimension)
        self.cross_attn_image = RotaryAttention(
            dimension, key_channels=configuration.memory_channels
        )
        self.linear1 = nn.Linear(dimension, feedforward)
        self.linear2 = nn.Linear(feedforward, dimension)
        self.norm1 = nn.LayerNorm(dimension)
        self.norm2 = nn.LayerNorm(dimension)
        self.norm3 = nn.LayerNorm(dimension)

    def forward(
        self,
        image: Tensor,
        memory: Tensor,
        memory_keys: Tensor,
        rotation: Tensor,
        memory_rotation: Tensor,
    ) -> Tensor:
        """
        Return the image [O, N, D] after the layer.

        :param image: [1 or O, N, D]; while it is the same for all objects it is worked on once.
        :param memory: [O, M, C_mem], :param memory_keys: the same with positions added.
        """
        normed = self.norm1(image)
        image = image + self.self_attn.attend(normed, normed, normed, rotation, rotation)
        image = image + self.cross_attn_image.attend(
            self.norm2(image), memory_keys, memory, rotation, memory_rotation
        )
        return image + self.linear2(F.relu(self.linear1(self.norm3(image)), inplace=True))


class MemoryAttention(nn.Module):
    """Layers of attention to the memory."""

    def __init__(self, configuration: VideoConfiguration) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(configuration)
            for _ in range(configuration.memory_attention_layers)
        )
        self.norm = nn.LayerNorm(configuration.embedding_dimension)

    def project_values_last(self, last: bool) -> None:
        """
        Choose when remembered values are projected: before they are attended to, or after.

        The weights of attention sum to one and there is one head, so the order changes nothing
        but rounding. Last, the memories themselves are gathered, which are a quarter as wide, and
        much work is saved; but no fused kernel does this. It pays on a CPU.
        """
        for layer in self.layers:
            assert isinstance(layer, MemoryAttentionLayer)
            layer.cross_attn_image.project_last = last

    def forward(
        self,
        image: Tensor,
        memory: Tensor,
        positions: Tensor,
        rotation: Tensor,
        memory_rotation: Tensor,
        memories: int,
    ) -> Tensor:
        """
        Attend from the image to the memories.

        :param image: [1 or O, h * w, D].
        :param memory: [O, M, C_mem]; first ``memories`` memories of N tokens each, then the
            tokens of object pointers, which lie nowhere and are not rotated.
        :param positions: [O, M, C_mem].
        :param rotation: [h * w, D / 2, 2], of the image's tokens.
        :param memory_rotation: [N, D / 2, 2], of the tokens of one memory.
        :returns: [O, h * w, D].
        """
        pointers = memory.shape[1] - memories * len(memory_rotation)
        key_rotation = torch.cat(
            (memory_rotation.repeat(memories, 1, 1), no_rotation(memory_rotation, pointers))
        )
        keys = memory + positions
        for layer in self.layers:
            image = layer(image, memory, keys, rotation, key_rotation)
        return self.norm(image)


def no_rotation(like: Tensor, tokens: int) -> Tensor:
    """Return the rotation [tokens, C, 2] that changes nothing, for rotations [..., C, 2]."""
    cosine_and_sine = torch.zeros_like(like[:1])
    cosine_and_sine[..., 0] = 1
    return cosine_and_sine.expand(tokens, -1, -1)
