# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From an image of any size to the network's input."""

import torch
from torch import Tensor
import torch.nn.functional as F

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_DEVIATION = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's red, green and blue, of 1."""


def network_input(images: Tensor, image_size: int) -> Tensor:
    """
    Resize and normalise images on the device they are on.

    Both sides are stretched to the network's, as SAM 2 does with video: bicubic, and antialiased
    where the image shrinks. A point at x of a source W pixels wide is at x * S / W after it.

    :param images: uint8 [B, H, W, 3], red, green, blue.
    :param image_size: S, the side of the network's input.
    :returns: float32 [B, 3, S, S], laid out channels-last.
    :raises ValueError: for a tensor that is not of this shape and dtype.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f'images must be uint8 [B, H, W, 3], not {images.dtype} {list(images.shape)}'
        )
    pixels = images.permute(0, 3, 1, 2).float()
    if pixels.shape[-2:] != (image_size, image_size):
        pixels = F.interpolate(
            pixels,
            size=(image_size, image_size),
            mode='bicubic',
            align_corners=False,
            antialias=True,
        ).clamp(0, 255)
    mean = torch.tensor(IMAGE_MEAN, device=pixels.device)[:, None, None] * 255
    deviation = torch.tensor(IMAGE_DEVIATION, device=pixels.device)[:, None, None] * 255
    return ((pixels - mean) / deviation).contiguous(memory_format=torch.channels_last)
