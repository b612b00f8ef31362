# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Preprocessing of SAM 2 and its relatives: an image of any size to the network's input."""

import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.core.coordinates import ImageScale

IMAGE_MEAN = (0.485, 0.456, 0.406)
"""Mean red, green and blue of ImageNet, on a scale of 0 to 1."""
IMAGE_DEVIATION = (0.229, 0.224, 0.225)
"""Standard deviation of the same."""


def network_input(images: Tensor, image_size: int) -> Tensor:
    """
    Resize and normalise images on the device they are on.

    Both sides are resized to S as SAM 2 does for video frames: bicubic, antialiased where the
    image shrinks. A point at x in an image W pixels wide moves to x * S / W, with x = 0 at the
    left edge of the first pixel.

    :param images: uint8 [B, H, W, 3], red, green, blue.
    :param image_size: S, the side of the network's input.
    :returns: float32 [B, 3, S, S], laid out channels-last.
    :raises ValueError: another shape or dtype, or no pixels.
    """
    return _normalised(_resized(_pixels(images), image_size, image_size, 'bicubic'))


def aspect_scale(width: int, height: int, image_size: int) -> ImageScale:
    """
    Return the mapping of an image to an input that keeps its aspect, as the first SAM has it.

    :param image_size: S, the side of the network's input and then the image's longer side.
    """
    factor = image_size / max(width, height)
    columns, rows = (max(int(length * factor + 0.5), 1) for length in (width, height))
    return ImageScale(width, height, image_size, (image_size - columns, image_size - rows))


def padded_input(images: Tensor, image_size: int) -> Tensor:
    """
    Resize images by ``aspect_scale``, normalise them, and pad them right and below with zeros.

    The resizing is bilinear, antialiased where the image shrinks, as in the first SAM.

    :param images: uint8 [B, H, W, 3], red, green, blue.
    :param image_size: S, the side of the network's input.
    :returns: float32 [B, 3, S, S], laid out channels-last.
    :raises ValueError: another shape or dtype, or no pixels.
    """
    pixels = _pixels(images)
    scale = aspect_scale(pixels.shape[3], pixels.shape[2], image_size)
    columns, rows = scale.covered
    right, bottom = scale.padding
    normalised = _normalised(_resized(pixels, rows, columns, 'bilinear'))
    return F.pad(normalised, (0, right, 0, bottom)).contiguous(memory_format=torch.channels_last)


def _pixels(images: Tensor) -> Tensor:
    """Check uint8 images [B, H, W, 3], and view them as [B, 3, H, W]."""
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f'images must be uint8 [B, H, W, 3], not {images.dtype} {list(images.shape)}'
        )
    if not images.numel():
        raise ValueError(f'images must have pixels, and have none: {list(images.shape)}')
    return images.permute(0, 3, 1, 2)


def _resized(pixels: Tensor, rows: int, columns: int, mode: str) -> Tensor:
    """Resize bytes [B, 3, H, W] to whole numbers [B, 3, rows, columns]."""
    if pixels.shape[2:] == (rows, columns):
        return pixels
    # Resizing bytes is many times faster than floats; torch implements it for CPUs only.
    source = pixels if pixels.is_cpu else pixels.float()
    resized = F.interpolate(
        source, size=(rows, columns), mode=mode, align_corners=False, antialias=True
    )
    return resized if pixels.is_cpu else resized.round_().clamp_(0, 255)


def _normalised(pixels: Tensor) -> Tensor:
    """Normalise whole numbers [B, 3, H, W] to float32 of the same shape, channels-last."""
    # Filled on the device: copying constants from the host would synchronise.
    mean, deviation = (
        torch.stack([torch.full((1, 1), 255 * value, device=pixels.device) for value in values])
        for values in (IMAGE_MEAN, IMAGE_DEVIATION)
    )
    normalised = (pixels - mean) / deviation
    return normalised.contiguous(memory_format=torch.channels_last)
