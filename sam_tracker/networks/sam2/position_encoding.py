# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The four position encodings of SAM 2: sine, sine in time, rotary, random Fourier features."""

import math

import torch
from torch import Tensor, nn

_BASE = 10000.0
_TAU = 2 * math.pi


def sine_position(side: int, channels: int) -> Tensor:
    """
    Return the sine encoding of a square grid, float32 [side * side, channels].

    Rows and columns count from one and are scaled to (0, 2π]; the first half of the channels
    encodes the row, the second the column, sines and cosines alternating (DETR, arXiv 2005.12872,
    appendix A.4).
    """
    position = torch.arange(1, side + 1, dtype=torch.float32)
    position = position / (position[-1] + 1e-6) * _TAU
    half = channels // 2
    exponent = 2 * (torch.arange(half) // 2) / half
    angle = position[:, None] / _BASE**exponent
    encoded = torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=2).flatten(1)
    rows = encoded[:, None].expand(side, side, half)
    columns = encoded[None].expand(side, side, half)
    return torch.cat((rows, columns), dim=2).flatten(0, 1)


def sine_distance(distance: Tensor, channels: int) -> Tensor:
    """
    Return the sine encoding of distances in time.

    The first half of the channels are sines, the second the cosines of the same angles.

    :param distance: [...] frames, divided by the longest distance.
    :returns: [..., channels].
    """
    half = channels // 2
    exponent = 2 * (torch.arange(half, device=distance.device) // 2) / half
    angle = distance[..., None] / _BASE**exponent
    return torch.cat((angle.sin(), angle.cos()), dim=-1)


def axial_rotation(side: int, channels: int) -> Tensor:
    """
    Return the rotations of a square grid, float32 [side * side, channels / 2, 2].

    The last dimension holds the cosine and the sine of the rotation of a pair of neighbouring
    channels. The first half of the pairs depends on the column, the second on the row (axial
    rotary position embedding, RoPE-ViT, arXiv 2403.13298).
    """
    frequency = _BASE ** -(torch.arange(0, channels, 4, dtype=torch.float32) / channels)
    angle = torch.arange(side, dtype=torch.float32)[:, None] * frequency
    columns = angle[None].expand(side, side, -1)
    rows = angle[:, None].expand(side, side, -1)
    angle = torch.cat((columns, rows), dim=2).flatten(0, 1)
    return torch.stack((angle.cos(), angle.sin()), dim=-1)


def rotate(tokens: Tensor, rotation: Tensor) -> Tensor:
    """
    Rotate pairs of neighbouring channels in float32, in place where tokens have no gradient.

    :param tokens: [B, N, C].
    :param rotation: [N, C / 2, 2] from ``axial_rotation``.
    :returns: [B, N, C] of the tokens' dtype.
    """
    narrow = tokens.dtype != torch.float32
    if narrow and tokens.device.type == 'cpu' and len(tokens) > 1 and not tokens.requires_grad:
        # One at a time, the float32 copies stay in the cache.
        for one in tokens.split(1):
            one.copy_(rotate(one, rotation))
        return tokens
    rotated = tokens.float()
    torch.view_as_complex(rotated.unflatten(-1, (-1, 2))).mul_(torch.view_as_complex(rotation))
    return rotated.to(tokens.dtype)


class RandomFourierEncoding(nn.Module):
    """Encodes points of the unit square by random frequencies, which the checkpoint holds."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer('positional_encoding_gaussian_matrix', torch.randn(2, channels // 2))

    def forward(self, points: Tensor) -> Tensor:
        """Map points [..., 2], x and y from 0 to 1, to [..., channels]."""
        angle = _TAU * ((2 * points - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat((angle.sin(), angle.cos()), dim=-1)

    def grid(self, side: int) -> Tensor:
        """Encode the cell centres of a square grid: [side * side, channels]."""
        matrix = self.positional_encoding_gaussian_matrix
        centre = (torch.arange(side, dtype=torch.float32, device=matrix.device) + 0.5) / side
        points = torch.stack(
            (centre[None].expand(side, side), centre[:, None].expand(side, side)), dim=-1
        )
        return self(points.flatten(0, 1))
