# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Memory attention for other runtimes: static shapes, real numbers, empty places.

``sam2.memory_attention`` computes the same from as many memories as there are.
"""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.api import Memory
from sam_tracker.networks.sam2.layers import as_image, as_tokens
from sam_tracker.networks.sam2.memory_attention import MemoryAttentionLayer, RotaryAttention
from sam_tracker.networks.sam2.video_network import SamVideoNetwork

_MASKED = -1e4
"""Added to the scores of empty places; float16 can hold it."""


class MemoryReading(nn.Module):
    """Conditions one image on what one object remembers, with K places for memories."""

    def __init__(self, network: SamVideoNetwork) -> None:
        super().__init__()
        self._network = network
        attention = network.memory_attention
        self.layers = nn.ModuleList()
        for layer in attention.layers:
            assert isinstance(layer, MemoryAttentionLayer)
            self.layers.append(MemoryReadingLayer(layer))
        self.norm = attention.norm
        for name in ('rotation', 'memory_rotation'):
            cosine, sine = halved_rotation(getattr(network, name))
            self.register_buffer(f'{name}_cosine', cosine)
            self.register_buffer(f'{name}_sine', sine)

    def forward(
        self,
        embedding: Tensor,
        memories: Tensor,
        positions: Tensor,
        pointers: Tensor,
        distances: Tensor,
    ) -> Tensor:
        """
        Condition an image on a memory whose places need not all be filled.

        :param embedding: [1, D, h, w].
        :param memories: [1, K, N, C_mem]; empty places hold any finite numbers.
        :param positions: [1, K] int64; -1: the place is empty.
        :param pointers: [1, P, D], as the memories.
        :param distances: [1, P] float; below 0: the place is empty.
        :returns: [1, D, h, w].
        """
        network = self._network
        memory = Memory(memories, positions, pointers, distances, with_empty=True)
        tokens, position = network.memory_tokens(memory)
        places = memories.shape[1]
        masked = network.empty_tokens(memory).to(tokens.dtype)[:, None] * _MASKED
        image = as_tokens(embedding) + 0.1 * network.sine_position
        rotation = self.rotation_cosine, self.rotation_sine
        memory_rotation = self.memory_rotation_cosine, self.memory_rotation_sine
        for layer in self.layers:
            image = layer(
                image, tokens, tokens + position, masked, places, rotation, memory_rotation
            )
        return as_image(self.norm(image), network.configuration.embedding_size)


class MemoryReadingLayer(nn.Module):
    """A layer of memory attention."""

    def __init__(self, layer: MemoryAttentionLayer) -> None:
        super().__init__()
        self.layer = layer
        self.from_image = RealAttention(layer.self_attn)
        self.from_memory = RealAttention(layer.cross_attn_image)

    def forward(
        self,
        image: Tensor,
        memory: Tensor,
        memory_keys: Tensor,
        masked: Tensor,
        places: int,
        rotation: tuple[Tensor, Tensor],
        memory_rotation: tuple[Tensor, Tensor],
    ) -> Tensor:
        """
        Return the image [1, N, D] after the layer.

        :param masked: [1, 1, M], added to the scores of the memory's tokens.
        :param places: K; the first K * N tokens are those of memories, and are rotated.
        """
        layer = self.layer
        normed = layer.norm1(image)
        queries, keys = self.from_image.queries(normed), self.from_image.keys(normed)
        image = image + self.from_image(
            rotated(queries, *rotation), rotated(keys, *rotation), normed
        )
        keys = self.from_memory.keys(memory_keys)
        cells = places * len(memory_rotation[0])
        maps = rotated(keys[:, :cells].unflatten(1, (places, -1)), *memory_rotation)
        keys = torch.cat((maps.flatten(1, 2), keys[:, cells:]), dim=1)
        queries = rotated(self.from_memory.queries(layer.norm2(image)), *rotation)
        image = image + self.from_memory(queries, keys, memory, masked)
        return image + layer.linear2(F.relu(layer.linear1(layer.norm3(image))))


class RealAttention(nn.Module):
    """
    Rotary attention with one head, its rotation in real numbers.

    The channels of queries and keys are ordered so that the first and the second of each rotated
    pair lie in two halves. Values are projected after attention, when they are fewer.
    """

    def __init__(self, attention: RotaryAttention) -> None:
        super().__init__()
        self.queries = halved_projection(attention.q_proj)
        self.keys = halved_projection(attention.k_proj)
        outer, inner = attention.out_proj, attention.v_proj
        self.out = nn.Linear(inner.in_features, outer.out_features)
        self.out.weight.data = outer.weight.data @ inner.weight.data
        self.out.bias.data = torch.addmv(outer.bias.data, outer.weight.data, inner.bias.data)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, masked: Tensor | None = None
    ) -> Tensor:
        """
        Attend from rotated queries [1, N, D] to rotated keys [1, M, D].

        :param values: [1, M, C], not projected.
        :param masked: [1, 1, M], added to the scores.
        :returns: [1, N, D].
        """
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(1, 2)
        if masked is not None:
            scores = scores + masked
        return self.out(scores.softmax(dim=-1) @ values)


def halved_projection(projection: nn.Linear) -> nn.Linear:
    """Return a projection whose even output channels come first, then the odd ones."""
    halved = nn.Linear(projection.in_features, projection.out_features)
    halved.weight.data = torch.cat((projection.weight.data[0::2], projection.weight.data[1::2]))
    halved.bias.data = torch.cat((projection.bias.data[0::2], projection.bias.data[1::2]))
    return halved


def halved_rotation(rotation: Tensor) -> tuple[Tensor, Tensor]:
    """
    Return cosines and sines for ``rotated``, each [N, C].

    :param rotation: [N, C / 2, 2] from ``position_encoding.axial_rotation``.
    """
    cosine, sine = rotation.unbind(-1)
    return torch.cat((cosine, cosine), dim=1), torch.cat((-sine, sine), dim=1)


def rotated(tokens: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate tokens [..., N, C] whose pairs of channels lie in two halves."""
    first, second = tokens.chunk(2, dim=-1)
    return tokens * cosine + torch.cat((second, first), dim=-1) * sine
