# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Read images and masks from files named on a command line."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.paths import missing
from sam_tracker.core.pixel_type import measured_type


class ImageFileError(ValueError):
    """An image file that cannot be read; the text names it."""


def read_image(path: Path, dynamic_range: DynamicRange | None = None) -> NDArray[np.uint8]:
    """
    Read an image file.

    16-bit images are scaled to 8 bits by the values that they use, see ``DynamicRange``.

    :param dynamic_range: of the images that the file belongs to; None: of this image alone.
    :returns: [height, width, 3] BGR.
    :raises ImageFileError: the file is missing, is not an image, or has other pixels than of 8 or
        16 bits without sign, such as temperatures.
    """
    content = _content(path, 'image')
    kind = measured_type(content.data)
    if kind is None:
        pixels = _decoded(content, path, 'image', cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        kind = pixels.dtype.name
    if kind not in {'uint8', 'uint16'}:
        raise ImageFileError(
            f'the image {str(path)!r} has pixels of {kind}; uint8 and uint16 are read'
        )
    if pixels.dtype == np.uint16:
        pixels = (dynamic_range or DynamicRange()).eight_bits(pixels)
    bgr: Any = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return bgr


def read_mask(path: Path) -> NDArray[np.uint8]:
    """
    Read a mask from an image file.

    Every pixel that is not black is the object, in images of any depth. In an image of a single
    colour with an alpha channel, every pixel that is not transparent.

    :returns: [height, width], 255 on the object, else 0.
    :raises ImageFileError: the file is missing, is not an image, marks no pixel, or has values
        that are not finite.
    """
    pixels = _decoded(_content(path, 'mask'), path, 'mask', cv2.IMREAD_UNCHANGED)
    if not np.isfinite(pixels).all():
        raise ImageFileError(f'the mask {str(path)!r} has values that are not finite')
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        colours, alpha = pixels[..., :3], pixels[..., 3]
        uniform = (colours == colours[0, 0]).all()
        pixels = alpha if uniform else np.where(alpha[..., None], colours, 0)
    mask = pixels != 0 if pixels.ndim == 2 else (pixels != 0).any(axis=2)
    if not mask.any():
        raise ImageFileError(f'the mask {str(path)!r} is all black: it has no object')
    return np.where(mask, np.uint8(255), np.uint8(0))


def _content(path: Path, what: str) -> NDArray[np.uint8]:
    if reason := missing(path):
        raise ImageFileError(f'the {what} {str(path)!r} {reason}')
    if not path.is_file():
        raise ImageFileError(f'the {what} {str(path)!r} is no file')
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise ImageFileError(
            f'the {what} {str(path)!r} cannot be read: {error.strerror}'
        ) from error


def _decoded(content: NDArray[np.uint8], path: Path, what: str, flags: int) -> NDArray[Any]:
    pixels: Any
    try:
        # Not by cv2.imread, which crashes on a file name that is not UTF-8.
        pixels = cv2.imdecode(content, flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImageFileError(f'the {what} {str(path)!r} is not a readable image')
    return np.asarray(pixels)
