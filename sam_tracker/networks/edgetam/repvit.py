# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
RepViT-M1, the convolutional trunk of EdgeTAM (arXiv 2307.09283).

Checkpoints hold the form that is trained, with parallel branches and batch norms. For inference
``fuse`` replaces every sum of branches by the one convolution that it is equal to.
"""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

WIDTHS = (48, 96, 192, 384)
"""Channels of the four stages."""
BLOCKS = (2, 2, 14, 2)
"""Blocks of each stage, without those that halve the image in front of stages 1 to 3."""


class ConvNorm(nn.Module):
    """A convolution without bias and a batch norm."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(
            channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to [B, out_channels, H / stride, W / stride]."""
        return self.bn(self.c(x))

    def fused(self) -> nn.Conv2d:
        """Return the convolution with bias that equals both in evaluation mode."""
        convolution, norm = self.c, self.bn
        assert norm.running_var is not None and norm.running_mean is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return _convolution_like(
            convolution,
            convolution.weight * scale[:, None, None, None],
            norm.bias - norm.running_mean * scale,
        )


class TokenMixer(nn.Module):
    """Mixes neighbouring pixels of each channel: 3×3 and 1×1 depthwise branches and identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = ConvNorm(channels, channels, kernel=3, groups=channels)
        self.conv1 = ConvNorm(channels, channels, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to the same shape."""
        return self.conv(x) + self.conv1(x) + x

    def fused(self) -> nn.Conv2d:
        """Return the depthwise 3×3 convolution that equals all three branches."""
        wide, narrow = self.conv.fused(), self.conv1.fused()
        assert wide.bias is not None and narrow.bias is not None
        # A 1×1 kernel is the middle of a 3×3 one, and the identity is a 1×1 kernel of one.
        weight = wide.weight + F.pad(narrow.weight + 1, (1, 1, 1, 1))
        return _convolution_like(wide, weight, wide.bias + narrow.bias)


class SqueezeExcite(nn.Module):
    """Squeeze and excitation: weighs channels by their global average (arXiv 1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # A quarter of the channels, in multiples of eight.
        hidden = -(-channels // 32) * 8
        self.fc1 = nn.Conv2d(channels, hidden, kernel_size=1)
        self.fc2 = nn.Conv2d(hidden, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to the same shape."""
        mean = x.mean((2, 3), keepdim=True)
        return x * self.fc2(F.relu(self.fc1(mean))).sigmoid()


class ChannelMixer(nn.Module):
    """Mixes the channels of each pixel, through twice as many, and adds the result."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, 2 * channels)
        self.conv2 = ConvNorm(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to the same shape."""
        return x + self.conv2(F.gelu(self.conv1(x)))


class RepVitBlock(nn.Module):
    """Mixes pixels, then channels."""

    def __init__(self, channels: int, excite: bool) -> None:
        super().__init__()
        self.token_mixer = TokenMixer(channels)
        self.se = SqueezeExcite(channels) if excite else nn.Identity()
        self.channel_mixer = ChannelMixer(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to the same shape."""
        return self.channel_mixer(self.se(self.token_mixer(x)))


class Downsample(nn.Module):
    """Halves the image and doubles the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pre_block = RepVitBlock(channels, excite=False)
        self.spatial_downsample = ConvNorm(channels, channels, 3, stride=2, groups=channels)
        self.channel_downsample = ConvNorm(channels, 2 * channels)
        self.ffn = ChannelMixer(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, H, W] to [B, 2 channels, H/2, W/2]."""
        halved = self.spatial_downsample(self.pre_block(x))
        return self.ffn(self.channel_downsample(halved))


class Stage(nn.Module):
    """Blocks of one width; every second one weighs its channels."""

    def __init__(self, width: int, blocks: int, first: bool) -> None:
        super().__init__()
        self.downsample = nn.Identity() if first else Downsample(width // 2)
        self.blocks = nn.Sequential(
            *(RepVitBlock(width, excite=number % 2 == 0) for number in range(blocks))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, width/2, 2H, 2W], or [B, width, H, W] for the first, to [B, width, H, W]."""
        return self.blocks(self.downsample(x))


class Stem(nn.Module):
    """Two strided convolutions, from the image to stride 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, width // 2, kernel=3, stride=2)
        self.conv2 = ConvNorm(width // 2, width, kernel=3, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, S, S] to [B, width, S/4, S/4]."""
        return self.conv2(F.gelu(self.conv1(images)))


class RepVit(nn.Module):
    """The four stages, at strides 4, 8, 16 and 32, under the names of checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict({'stem': Stem(WIDTHS[0])})
        for number, (width, blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            self.body[f'stages_{number}'] = Stage(width, blocks, first=number == 0)

    def forward(self, images: Tensor) -> list[Tensor]:
        """
        Encode images.

        :param images: [B, 3, S, S], normalised.
        :returns: the output of each stage, [B, S/4, S/4, 48] to [B, S/32, S/32, 384].
        """
        x = images
        stages = []
        for name, part in self.body.items():
            x = part(x)
            if name != 'stem':
                stages.append(x.permute(0, 2, 3, 1))
        return stages

    def fuse(self) -> None:
        """
        Replace branches and batch norms by single convolutions, in place.

        The answers in evaluation mode stay equal to rounding. The state dict is then no longer
        that of checkpoints, and the trunk can no longer be trained as it was.
        """
        with torch.no_grad():
            _fuse_children(self)


def _fuse_children(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, TokenMixer | ConvNorm):
            setattr(module, name, child.fused())
        else:
            _fuse_children(child)


def _convolution_like(given: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """Return a convolution with bias and the geometry of the given one."""
    # On 'meta' no weights are initialised and no random numbers drawn.
    convolution = nn.Conv2d(
        given.in_channels,
        given.out_channels,
        given.kernel_size,  # type: ignore[arg-type]
        given.stride,  # type: ignore[arg-type]
        given.padding,  # type: ignore[arg-type]
        groups=given.groups,
        device='meta',
    )
    convolution.weight = nn.Parameter(weight, requires_grad=given.weight.requires_grad)
    convolution.bias = nn.Parameter(bias, requires_grad=given.weight.requires_grad)
    return convolution.train(given.training)
