# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 (arXiv 1801.04381) as the trunk of an image encoder for CPUs."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
import torch.nn.functional as F

BATCH_NORM_EPSILON = 1e-5
# Expansion, channels, blocks and stride of the first of them (Table 2 of the paper), up to
# stride 32. The widths after features 3, 6, 13 and 17 are the last at their stride.
_SETTINGS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_FIRST_CHANNELS = 32
_STAGE_ENDS = (3, 6, 13, 17)
STAGE_CHANNELS = (24, 32, 96, 320)


class InvertedResidual(nn.Module):
    """
    Expand, filter each channel in space, and project back without an activation.

    The batch norms that it was trained with are folded into its convolutions.
    """

    def __init__(self, channels: int, out_channels: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.expand = nn.Conv2d(channels, hidden, 1) if expansion > 1 else None
        self.filter = nn.Conv2d(hidden, hidden, 3, stride, padding=1, groups=hidden)
        self.project = nn.Conv2d(hidden, out_channels, 1)
        self.residual = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to [B, out_channels, H / stride, W / stride]."""
        hidden = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        out = self.project(F.relu6(self.filter(hidden), inplace=True))
        return x + out if self.residual else out


class MobileNetV2(nn.Module):
    """Seventeen blocks after a first convolution; stages end at strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _FIRST_CHANNELS, 3, stride=2, padding=1)
        channels = _FIRST_CHANNELS
        blocks = []
        for expansion, out_channels, count, stride in _SETTINGS:
            for step in range(count):
                blocks.append(
                    InvertedResidual(channels, out_channels, expansion, stride if step == 0 else 1)
                )
                channels = out_channels
        self.blocks = nn.ModuleList(blocks)

    def forward(self, images: Tensor) -> list[Tensor]:
        """
        Encode images [B, 3, S, S].

        :returns: the output of each stage, [B, S/4, S/4, 24] to [B, S/32, S/32, 320].
        """
        x = F.relu6(self.stem(images), inplace=True)
        stages = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in _STAGE_ENDS:
                stages.append(x.permute(0, 2, 3, 1))
        return stages


def folded(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """
    Fold the batch norms of a published MobileNetV2 into its convolutions.

    :param published: a state dict laid out as torchvision's first one: ``features.N...`` with the
        convolutions and norms of a block numbered in a row.
    :returns: a state dict for :class:`MobileNetV2`; the classifier and ``features.18`` are left
        out.
    :raises KeyError: when a tensor is missing.
    """
    state: dict[str, Tensor] = {}

    def fold(name: str, convolution: str, norm: str) -> None:
        scale = published[f'{norm}.weight'] / torch.sqrt(
            published[f'{norm}.running_var'] + BATCH_NORM_EPSILON
        )
        state[f'{name}.weight'] = published[f'{convolution}.weight'] * scale[:, None, None, None]
        state[f'{name}.bias'] = (
            published[f'{norm}.bias'] - published[f'{norm}.running_mean'] * scale
        )

    fold('stem', 'features.0.0', 'features.0.1')
    for block in range(1, _STAGE_ENDS[-1] + 1):
        layers = ('filter', 'project') if block == 1 else ('expand', 'filter', 'project')
        for layer, place in zip(layers, (0, 3, 6), strict=False):
            prefix = f'features.{block}.conv'
            fold(f'blocks.{block - 1}.{layer}', f'{prefix}.{place}', f'{prefix}.{place + 1}')
    return state
