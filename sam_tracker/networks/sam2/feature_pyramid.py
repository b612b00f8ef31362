# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The neck of the image encoder: projects the trunk's stages to one width."""

from torch import Tensor, nn

from sam_tracker.networks.precision import entering
from sam_tracker.networks.sam2.layers import joint_pointwise, pointwise


class Lateral(nn.Module):
    """A 1×1 convolution, with its name in checkpoints."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, H, W, channels] to [B, H, W, out_channels]."""
        return pointwise(x, self.conv)


class FeaturePyramid(nn.Module):
    """
    A feature pyramid with top-down fusion only into stride 16.

    The fine levels, strides 4 and 8, are projections of the trunk's stages.
    """

    def __init__(self, stage_channels: list[int], dimension: int) -> None:
        super().__init__()
        # Checkpoints count from the deepest stage.
        self.convs = nn.ModuleList(
            Lateral(channels, dimension) for channels in reversed(stage_channels)
        )

    def forward(self, stride_16: Tensor, stride_32: Tensor) -> Tensor:
        """
        Fuse the two deep stages, adding in float32.

        :param stride_16: [B, h, w, C].
        :param stride_32: [B, h/2, w/2, C'].
        :returns: the image embedding [B, D, h, w], laid out channels-last.
        """
        fine = self.convs[1](stride_16)
        coarse = self.convs[0](stride_32).float()
        # Nearest upsampling by broadcasting: each coarse token is added to its four fine ones.
        fine = fine.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        joined = fine + coarse[:, :, None, :, None]
        lateral = self.convs[1]
        assert isinstance(lateral, Lateral)
        joined = entering(joined, lateral.conv.weight)
        return joined.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)

    def lateral(self, level: int, then: nn.Conv2d) -> tuple[Tensor, Tensor]:
        """
        Join the projection of a fine stage and a second 1×1 convolution.

        :param level: 0 for stride 4, 1 for stride 8.
        :param then: the second convolution.
        :returns: weight and bias of one linear map of the stage's channels.
        """
        lateral = self.convs[3 - level]
        assert isinstance(lateral, Lateral)
        return joint_pointwise(lateral.conv, then)
