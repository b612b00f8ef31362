# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The memory encoder: fuses a mask with the image embedding."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.networks.precision import entering
from sam_tracker.networks.sam2.configuration import VideoConfiguration
from sam_tracker.networks.sam2.layers import ChannelNorm, pointwise


class MaskDownsampler(nn.Module):
    """Four strided convolutions from a mask at full size to the size of the embedding."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential()
        channels = 1
        for _ in range(4):
            self.encoder.append(
                nn.Conv2d(channels, 4 * channels, kernel_size=3, stride=2, padding=1)
            )
            self.encoder.append(ChannelNorm(4 * channels))
            self.encoder.append(nn.GELU())
            channels *= 4
        self.encoder.append(nn.Conv2d(channels, dimension, kernel_size=1))

    def forward(self, mask: Tensor) -> Tensor:
        """Map masks [O, 1, S, S] to [O, D, h, w]."""
        return self.encoder(mask)


class FuserBlock(nn.Module):
    """A ConvNeXt block (arXiv 2201.03545)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dimension, dimension, kernel_size=7, padding=3, groups=dimension)
        self.norm = ChannelNorm(dimension)
        self.pwconv1 = nn.Linear(dimension, 4 * dimension)
        self.pwconv2 = nn.Linear(4 * dimension, dimension)
        self.gamma: nn.Parameter | None = nn.Parameter(torch.full((dimension,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Map [O, D, h, w] to the same shape, laid out channels-last."""
        inner = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        inner = self.pwconv2(F.gelu(self.pwconv1(inner)))
        if self.gamma is not None:
            inner = self.gamma * inner
        return x + inner.permute(0, 3, 1, 2)

    def fold_scale(self) -> None:
        """Multiply the last weights by the scale of the block, which is then not applied."""
        if self.gamma is not None:
            self.pwconv2.weight.data *= self.gamma.data[:, None]
            self.pwconv2.bias.data *= self.gamma.data
            self.gamma = None


class Fuser(nn.Module):
    """The blocks, with their name in checkpoints."""

    def __init__(self, configuration: VideoConfiguration) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            FuserBlock(configuration.embedding_dimension)
            for _ in range(configuration.memory_fuser_blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [O, D, h, w] to the same shape."""
        for layer in self.layers:
            x = layer(x)
        return x

    def fold_scales(self) -> None:
        """Fold the scale of each block into its weights; results change by rounding only."""
        for layer in self.layers:
            assert isinstance(layer, FuserBlock)
            layer.fold_scale()


class MemoryEncoder(nn.Module):
    """Adds a mask to the image embedding and compresses the sum."""

    def __init__(self, configuration: VideoConfiguration) -> None:
        super().__init__()
        dimension = configuration.embedding_dimension
        self.mask_downsampler = MaskDownsampler(dimension)
        self.pix_feat_proj = nn.Conv2d(dimension, dimension, kernel_size=1)
        self.fuser = Fuser(configuration)
        self.out_proj = nn.Conv2d(dimension, configuration.memory_channels, kernel_size=1)

    def forward(self, embedding: Tensor, mask: Tensor) -> Tensor:
        """
        Encode masks on an image.

        :param embedding: [1 or O, D, h, w], without memory in it.
        :param mask: [O, 1, S, S].
        :returns: [O, C_mem, h, w], laid out channels-last.
        """
        embedding, mask = (entering(x, self.out_proj.weight) for x in (embedding, mask))
        image = pointwise(embedding.permute(0, 2, 3, 1), self.pix_feat_proj)
        fused = self.fuser(image.permute(0, 3, 1, 2) + self.mask_downsampler(mask))
        return pointwise(fused.permute(0, 2, 3, 1), self.out_proj).permute(0, 3, 1, 2)
