# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The SAM 2.1 network (arXiv 2408.00714): tensors in, tensors out, no state.

A memory is a map of N = h * w cells, row by row.
"""

import torch
from torch import Tensor, nn

from sam_tracker.networks.sam2.configuration import NetworkConfiguration, VideoConfiguration
from sam_tracker.networks.sam2.hiera import Hiera
from sam_tracker.networks.sam2.layers import as_tokens
from sam_tracker.networks.sam2.position_encoding import (
    axial_rotation,
    sine_distance,
    sine_position,
)
from sam_tracker.networks.sam2.video_network import SamVideoNetwork, learned


class Sam2MemoryNetwork(SamVideoNetwork):
    """All of SAM 2.1 but its trunk."""

    def __init__(
        self, configuration: VideoConfiguration, trunk: nn.Module, stage_channels: list[int]
    ) -> None:
        side = configuration.embedding_size
        channels, dimension = configuration.memory_channels, configuration.embedding_dimension
        super().__init__(
            configuration,
            trunk,
            stage_channels,
            memory_position=sine_position(side, channels),
            memory_rotation=axial_rotation(side, dimension),
        )
        self.obj_ptr_tpos_proj = nn.Linear(dimension, channels)
        self.no_obj_embed_spatial = learned(1, channels)

    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """
        Encode the memory of a frame for O objects.

        :param embedding: [1 or O, D, h, w] of ``ImageFeatures``, without memory in it.
        :param mask: [O, 1, S, S] from ``masks.memory_mask``.
        :param object_logit: [O]; where it is not above 0, an embedding of absence is added.
        :returns: [O, N, C_mem].
        """
        memory = self.memory_encoder(embedding, mask)
        absent = (object_logit <= 0).to(memory.dtype)[:, None, None, None]
        return as_tokens(memory + absent * self.no_obj_embed_spatial[..., None, None])

    def pointer_positions(self, distances: Tensor) -> Tensor:
        """
        Encode how long ago object pointers were made, relative to the oldest that is read.

        :param distances: [O, P], frames from the pointer's frame to the current one.
        :returns: [O, P, C_mem].
        """
        encoded = sine_distance(
            distances / self.memory_layout.recent_pointers, self.configuration.embedding_dimension
        )
        return self.obj_ptr_tpos_proj(encoded)


class Sam2Network(Sam2MemoryNetwork):
    """SAM 2.1 with its trunk Hiera, under the names of the published checkpoints."""

    configuration: NetworkConfiguration

    def __init__(self, configuration: NetworkConfiguration) -> None:
        trunk = Hiera(configuration)
        super().__init__(configuration, trunk, trunk.stage_channels)

    def optimise(self, device: torch.device, weights: torch.dtype, compiled: bool) -> None:
        """Extend ``SamVideoNetwork.optimise``: compute the position embedding once."""
        trunk = self.image_encoder.trunk
        assert isinstance(trunk, Hiera)
        trunk.fix_position(weights)
        super().optimise(device, weights, compiled)
