# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""EdgeTAM (arXiv 2501.07256): SAM 2.1 with a convolutional trunk and short memories."""

import torch
from torch import Tensor

from sam_tracker.networks.edgetam.configuration import EdgeTamConfiguration
from sam_tracker.networks.edgetam.perceiver import GLOBAL_LATENTS, WINDOWS, Perceiver
from sam_tracker.networks.edgetam.repvit import WIDTHS, RepVit
from sam_tracker.networks.precision import entering
from sam_tracker.networks.sam2.memory_attention import no_rotation
from sam_tracker.networks.sam2.position_encoding import axial_rotation, sine_position
from sam_tracker.networks.sam2.video_network import SamVideoNetwork


class EdgeTamNetwork(SamVideoNetwork):
    """
    EdgeTAM under the names of its published checkpoint.

    A memory has 512 tokens: 256 global ones without a position, then those of 16 by 16 windows of
    the image, row by row. Neither absence nor the age of a pointer is encoded.
    """

    map_position: Tensor

    def __init__(self, configuration: EdgeTamConfiguration) -> None:
        channels, dimension = configuration.memory_channels, configuration.embedding_dimension
        rotation = axial_rotation(WINDOWS, dimension)
        super().__init__(
            configuration,
            RepVit(),
            list(WIDTHS),
            memory_position=torch.cat(
                (torch.zeros(GLOBAL_LATENTS, channels), sine_position(WINDOWS, channels))
            ),
            memory_rotation=torch.cat((no_rotation(rotation, GLOBAL_LATENTS), rotation)),
        )
        self.spatial_perceiver = Perceiver(channels)
        self.register_buffer(
            'map_position', sine_position(configuration.embedding_size, channels), persistent=False
        )

    def optimise(self, device: torch.device, weights: torch.dtype, compiled: bool) -> None:
        """
        Choose kernels for inference on a device; results change by rounding only.

        The branches of the trunk are fused: its state dict is then not a checkpoint's any more.

        :param weights: type in which to keep the weights of matrix products.
        :param compiled: whether to use ``torch.compile`` for the four parts that take the time.
        """
        trunk = self.image_encoder.trunk
        assert isinstance(trunk, RepVit)
        trunk.fuse()
        super().optimise(device, weights, compiled)

    def encode_memory(
        self,
        embedding: Tensor,
        mask: Tensor,
        object_logit: Tensor,  # noqa: ARG002
    ) -> Tensor:
        """
        Encode the memory of a frame for O objects.

        :param embedding: [1 or O, D, h, w] of ``ImageFeatures``, without memory in it.
        :param mask: [O, 1, S, S] from ``masks.memory_mask``.
        :param object_logit: [O], not read: the memory of an absent object is that of its mask.
        :returns: [O, 512, C_mem].
        """
        memory = self.memory_encoder(embedding, mask)
        memory = entering(memory, self.spatial_perceiver.latents)
        return self.spatial_perceiver(memory, self.map_position)

    def pointer_positions(self, distances: Tensor) -> Tensor:
        """Return zeros [O, P, C_mem] for [O, P]: EdgeTAM does not encode the age of a pointer."""
        return distances.new_zeros((*distances.shape, self.configuration.memory_channels))
