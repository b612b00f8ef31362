# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Memory attention: conditions the current image on memories of earlier ones."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.attention import attend, attend_in_blocks
from sam_tracker.networks.sam2.configuration import VideoConfiguration
from sam_tracker.networks.sam2.layers import Attention
from sam_tracker.networks.sam2.position_encoding import rotate


class RotaryAttention(Attention):
    """Single-head attention with rotary positions of queries and keys."""

    def __init__(self, dimension: int, key_channels: int) -> None:
        super().__init__(dimension, heads=1, inner=dimension, key_channels=key_channels)
        self._joint: tuple[Tensor, Tensor] | None = None

    def project_last(self, last: bool, weights: torch.dtype) -> None:
        """Choose whether to project values and output at once, after attention."""
        outer, inner = self.out_proj, self.v_proj
        self._joint = None
        if last:
            bias = torch.addmv(outer.bias, outer.weight, inner.bias)
            self._joint = (outer.weight @ inner.weight).to(weights), bias.to(weights)

    def attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        query_rotation: Tensor,
        key_rotation: Tensor,
        empty: Tensor | None = None,
    ) -> Tensor:
        """
        Attend from queries to keys.

        :param queries: [1 or O, N, D].
        :param keys: [O, M, key_channels].
        :param values: [O, M, key_channels].
        :param query_rotation: [N, D / 2, 2].
        :param key_rotation: [M, D / 2, 2].
        :param empty: [O, M], keys that are not attended to; None: all are.
        :returns: [O, N, D].
        """
        queries = rotate(self.q_proj(queries), query_rotation)
        keys = rotate(self.k_proj(keys), key_rotation)
        queries = queries.expand(len(keys), -1, -1)
        if empty is not None:
            attended = F.scaled_dot_product_attention(
                queries[:, None],
                keys[:, None],
                self.v_proj(values)[:, None],
                attn_mask=~empty[:, None, None],
            )
            return self.out_proj(attended[:, 0])
        if self._joint is not None:
            return F.linear(attend_in_blocks(queries, keys, values.to(keys.dtype)), *self._joint)
        attended = attend(queries[:, None], keys[:, None], self.v_proj(values)[:, None])
        return self.out_proj(attended[:, 0])


class MemoryAttentionLayer(nn.Module):
    """Self-attention of the image, then cross-attention to the memory."""

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
        empty: Tensor | None,
    ) -> Tensor:
        """
        Return the image [O, N, D] after the layer.

        :param image: [1 or O, N, D]; computed once while it is the same for all objects.
        :param memory: [O, M, C_mem].
        :param memory_keys: [O, M, C_mem], the same with positions added.
        :param rotation: [N, D / 2, 2].
        :param memory_rotation: [M, D / 2, 2].
        :param empty: [O, M], tokens of the memory that are not attended to; None: all are.
        """
        normed = self.norm1(image)
        image = image + self.self_attn.attend(normed, normed, normed, rotation, rotation)
        image = image + self.cross_attn_image.attend(
            self.norm2(image), memory_keys, memory, rotation, memory_rotation, empty
        )
        return image + self.linear2(F.relu(self.linear1(self.norm3(image)), inplace=True))


class MemoryAttention(nn.Module):
    """The layers, and the final norm."""

    def __init__(self, configuration: VideoConfiguration) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(configuration)
            for _ in range(configuration.memory_attention_layers)
        )
        self.norm = nn.LayerNorm(configuration.embedding_dimension)

    def project_values_last(self, last: bool, weights: torch.dtype = torch.float32) -> None:
        """
        Choose whether values of memories are projected after attention instead of before.

        The attention weights sum to one and there is one head, so the results differ by rounding
        only. Projecting last gathers the memories themselves, a quarter as wide, but no fused
        kernel does this: it is faster on a CPU.

        :param weights: type in which to keep the weights of the joint projection.
        """
        for layer in self.layers:
            assert isinstance(layer, MemoryAttentionLayer)
            layer.cross_attn_image.project_last(last, weights)

    def forward(
        self,
        image: Tensor,
        memory: Tensor,
        positions: Tensor,
        rotation: Tensor,
        memory_rotation: Tensor,
        memories: int,
        empty: Tensor | None = None,
    ) -> Tensor:
        """
        Attend from the image to the memories.

        :param image: [1 or O, h * w, D].
        :param memory: [O, M, C_mem]; first ``memories`` memories of N tokens each, then the
            tokens of object pointers, which have no place in the image and are not rotated.
        :param positions: [O, M, C_mem].
        :param rotation: [h * w, D / 2, 2], of the image's tokens.
        :param memory_rotation: [N, D / 2, 2], of the tokens of one memory.
        :param empty: [O, M], tokens of the memory that are not attended to; None: all are.
        :returns: [O, h * w, D].
        """
        pointers = memory.shape[1] - memories * len(memory_rotation)
        key_rotation = torch.cat(
            (memory_rotation.repeat(memories, 1, 1), no_rotation(memory_rotation, pointers))
        )
        keys = memory + positions
        for layer in self.layers:
            image = layer(image, memory, keys, rotation, key_rotation, empty)
        return self.norm(image)


def no_rotation(like: Tensor, tokens: int) -> Tensor:
    """Return the rotation [tokens, C, 2] that changes nothing, for rotations [..., C, 2]."""
    cosine_and_sine = torch.zeros_like(like[:1])
    cosine_and_sine[..., 0] = 1
    return cosine_and_sine.expand(tokens, -1, -1)
