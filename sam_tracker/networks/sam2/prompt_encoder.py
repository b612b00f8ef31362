# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The prompt encoder: points, boxes and masks to tokens (arXiv 2304.02643, appendix A)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sam_tracker.networks.precision import entering
from sam_tracker.networks.sam2.configuration import PromptConfiguration
from sam_tracker.networks.sam2.layers import ChannelNorm
from sam_tracker.networks.sam2.position_encoding import RandomFourierEncoding


@dataclass(frozen=True)
class PromptEncoding:
    """The prompts of O objects."""

    sparse: Tensor
    """[O, T, D], a token for each point and for each padding point."""
    dense: Tensor
    """[O, D, h, w] for given masks, else [1, D, 1, 1]."""


class PromptEncoder(nn.Module):
    """Encodes labelled points and a mask to start from."""

    def __init__(self, configuration: PromptConfiguration) -> None:
        super().__init__()
        dimension = configuration.embedding_dimension
        self.image_size = configuration.image_size
        self.side = configuration.embedding_size
        self.pe_layer = RandomFourierEncoding(dimension)
        self._fixed_grid: Tensor | None = None
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dimension) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dimension)
        self.no_mask_embed = nn.Embedding(1, dimension)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=2, stride=2),
            ChannelNorm(4),
            nn.GELU(),
            nn.Conv2d(4, 16, kernel_size=2, stride=2),
            ChannelNorm(16),
            nn.GELU(),
            nn.Conv2d(16, dimension, kernel_size=1),
        )

    def forward(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None
    ) -> PromptEncoding:
        """
        Encode points [O, N, 2] in pixels with labels [O, N], and mask logits [O, 1, S/4, S/4].

        A row of points always ends with a padding point, and a row without points has two.
        """
        if mask_logits is None:
            dense = self.no_mask_embed.weight[:, :, None, None]
        else:
            dense = self.mask_downscaling(entering(mask_logits, self.no_mask_embed.weight))
        return PromptEncoding(sparse=self._encode_points(points, labels), dense=dense)

    def fix_grid_position(self) -> None:
        """Compute the encoding that ``grid_position`` returns once and for all."""
        self._fixed_grid = self.pe_layer.grid(self.side)

    def grid_position(self) -> Tensor:
        """Return the position encoding of the image embedding's cells, [h * w, D]."""
        return self.pe_layer.grid(self.side) if self._fixed_grid is None else self._fixed_grid

    def padding(self, labels: Tensor) -> Tensor:
        """
        Return the padding after the points of O objects: "no point" once, or twice without points.

        :param labels: [O, N].
        :returns: [O, 1 or 2, D].
        """
        tokens = 1 if labels.shape[1] else 2
        return self.not_a_point_embed.weight.expand(len(labels), tokens, -1)

    def _encode_points(self, points: Tensor, labels: Tensor) -> Tensor:
        padding = self.padding(labels)
        if not points.shape[1]:
            return padding
        label = labels[..., None]
        encoded = self.pe_layer((points.float() + 0.5) / self.image_size)
        # In the order of the labels, from -1.
        none = self.not_a_point_embed.weight
        kinds = torch.cat((none, *self.point_embeddings.parameters()))
        encoded = encoded * (label >= 0) + kinds[labels.long() + 1]
        return torch.cat((encoded, padding), dim=1)
