# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images and masks from files that people name on a command line."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


class ImageFileError(ValueError):
    """An image that cannot be read from a file; the text names it."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """
    Return the picture in an image file, [height, width, 3] in OpenCV's blue, green, red.

    Raises:
        ImageFileError: the file is missing or is no image.

    """
    return _read(path, 'image', cv2.IMREAD_COLOR)


def read_mask(path: Path) -> NDArray[np.uint8]:
    """
    Return the mask in an image file, [height, width]; any value but black is the object.

    Raises:
        ImageFileError: the file is missing, is no image, or is all black.

    """
    mask = _read(path, 'mask', cv2.IMREAD_GRAYSCALE)
    if not mask.any():
        raise ImageFileError(f'the mask {str(path)!r} is all black: it has no object')
    return mask


def _read(path: Path, what: str, flags: int) -> NDArray[np.uint8]:
    if not path.is_file():
        raise ImageFileError(f'the {what} {str(path)!r} does not exist')
    pixels: Any
    try:
        pixels = cv2.imread(str(path), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImageFileError(f'the {what} {str(path)!r} is no image that can be read')
    return np.asarray(pixels, np.uint8)
