# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Attention of the current image to what was remembered of earlier ones."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.model.configuration import NetworkConfiguration
from sam_tracker.model.layers import Attention
from sam_tracker.model.position_encoding import rotate


class RotaryAttention(Attention):
    """Attention of one head in which queries and keys are turned by where they lie."""

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from queries [1 or O, N, D] to keys and values [O, M, D]: [O, N, D]."""
        objects = len(keys)
        attended = F.scaled_dot_product_attention(
            queries.expand(objects, -1, -1)[:, None], keys[:, None], values[:, None]
        )
        return self.out_proj(attended[:, 0])


class MemoryAttentionLayer(nn.Module):
    """The image attends to itself, then to the memory."""

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        dimension = configuration.embedding_dimension
        feedforward = configuration.memory_attention_feedforward
        self.self_attn = RotaryAttention(dimension, 1, dimension)
        self.cross_attn_image = RotaryAttention(
            dimension, 1, dimension, key_channels=configuration.memory_channels
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
        attention = self.self_attn
        normed = self.norm1(image)
        image = image + attention.attend(
            rotate(attention.q_proj(normed), rotation),
            rotate(attention.k_proj(normed), rotation),
            attention.v_proj(normed),
        )
        attention = self.cross_attn_image
        image = image + attention.attend(
            rotate(attention.q_proj(self.norm2(image)), rotation),
            rotate(attention.k_proj(memory_keys), memory_rotation),
            attention.v_proj(memory),
        )
        return image + self.linear2(F.relu(self.linear1(self.norm3(image))))


class MemoryAttention(nn.Module):
    """Layers of attention to the memory."""

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(configuration)
            for _ in range(configuration.memory_attention_layers)
        )
        self.norm = nn.LayerNorm(configuration.embedding_dimension)

    def forward(
        self, image: Tensor, memory: Tensor, positions: Tensor, rotation: Tensor, images: int
    ) -> Tensor:
        """
        Attend from the image to the memories.

        :param image: [1 or O, N, D] with N = h * w.
        :param memory: [O, M, C_mem]; first ``images`` remembered images of N tokens each, then
            the tokens of object pointers, which lie nowhere and are not turned.
        :param positions: [O, M, C_mem].
        :param rotation: [N, D / 2, 2].
        :returns: [O, N, D].
        """
        unturned = torch.zeros_like(rotation[:1])
        unturned[..., 0] = 1
        pointers = memory.shape[1] - images * len(rotation)
        memory_rotation = torch.cat(
            (rotation.repeat(images, 1, 1), unturned.expand(pointers, -1, -1))
        )
        keys = memory + positions
        for layer in self.layers:
            image = layer(image, memory, keys, rotation, memory_rotation)
        return self.norm(image)
