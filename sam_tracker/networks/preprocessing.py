# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From an image of any size to the network's input."""

import torch
from torch import Tensor
import torch.nn.functional as F

IMAGE_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's red, green and blue, of 1."""
IMAGE_DEVIATION = (0.229, 0.224, 0.225)
"""Standard deviation of the same."""


def network_input(images: Tensor, image_size: int) -> Tensor:
    """
    Resize and normalise images on the device they are on.

    Both sides are stretched to the network's, as SAM 2 does with the frames of a video: bicubic,
    and antialiased where the image shrinks. What was at x in a source W pixels wide is at
    x * S / W afterwards, where pixels are areas and x is 0 at the left edge of the first.

    :param images: uint8 [B, H, W, 3], red, green, blue.
    :param image_size: S, the side of the network's input.
    :returns: float32 [B, 3, S, S], laid out channels-last.
    :raises ValueError: for a tensor that is not of this shape and dtype, or has no pixels.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f'images must be uint8 [B, H, W, 3], not {images.dtype} {list(images.shape)}'
        )
    if not images.numel():
        raise ValueError(f'images must have pixels, and have none: {list(images.shape)}')
    pixels = images.permute(0, 3, 1, 2)
    if pixels.shape[-2:] != (image_size, image_size):
        pixels = _resize(pixels, image_size)
    # Filled on the device: copying constants there would wait for it.
    mean, deviation = (
        torch.stack([torch.full((1, 1), 255 * value, device=pixels.device) for value in values])
        for values in (IMAGE_MEAN, IMAGE_DEVIATION)
    )
    normalised = (pixels - mean) / deviation
    return normalised.contiguous(memory_format=torch.channels_last)


def _resize(pixels: Tensor, side: int) -> Tensor:
    """Resize bytes [B, 3, H, W] to [B, 3, side, side], of whole numbers."""
    # Bytes are resized many times faster than floats, but torch can do it on CPUs only.
    source = pixels if pixels.is_cpu else pixels.float()
    resized = F.interpolate(
        source, size=(side, side), mode='bicubic', align_corners=False, antialias=True
    )
    return resized if pixels.is_cpu else resized.round_().clamp_(0, 255)
