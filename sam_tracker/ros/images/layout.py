# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays over the data of an image message, checked, and without a copy where possible."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.encodings import ImageError, PackedEncoding, TwoPlaneEncoding
from sam_tracker.ros.images.log import logger

if TYPE_CHECKING:
    from sensor_msgs.msg import Image


def packed_pixels(message: 'Image', encoding: PackedEncoding) -> NDArray[Any]:
    """
    Return the pixels of a message whose encoding has one plane.

    ``step`` is ignored where ``data`` has just the length of rows without padding.

    :returns: (height, width) or (height, width, channels), uint8 or uint16 in native byte order.
        It shares the message's memory (rows may be padded) unless byte order or alignment have to
        change. YUV 4:2:2 of an odd width has an additional column, which completes the last pair.
    :raises ImageError: the size is zero, or ``data`` or ``step`` is too small.
    """
    check_size(message)
    width = message.width + message.width % 2 if encoding.pairs_pixels else message.width
    row_bytes = width * encoding.pixel_bytes
    step = _row_step(message, row_bytes, message.height * row_bytes)
    _check_length(message, step, (message.height - 1) * step + row_bytes)
    dtype = np.dtype(encoding.dtype)
    shape: tuple[int, ...] = (message.height, width)
    strides: tuple[int, ...] = (step, encoding.pixel_bytes)
    if encoding.channels > 1:
        shape, strides = (*shape, encoding.channels), (*strides, dtype.itemsize)
    # 16-bit pixels may have either byte order; for 8 bits NumPy ignores it.
    wire_order = dtype.newbyteorder('>' if message.is_bigendian else '<')
    pixels: NDArray[Any] = np.ndarray(shape, wire_order, message.data, 0, strides)
    # With an odd step every second row is misaligned for 16 bits, which OpenCV would misread.
    return np.require(pixels.astype(dtype, copy=False), requirements=['ALIGNED'])


def two_planes(
    message: 'Image', encoding: TwoPlaneEncoding
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """
    Return luma and chroma of an NV image, as views of the message's memory.

    ``message.height`` is the number of rows of luma, without those of chroma.

    :returns: (height, width) and (rows, columns, 2) uint8; rows and columns are halved and
        rounded up where four pixels share their chroma.
    :raises ImageError: as for ``packed_pixels``.
    """
    check_size(message)
    shared = encoding.subsampling
    rows, columns = -(-message.height // shared), -(-message.width // shared)
    row_bytes = columns * shared
    step = _row_step(message, row_bytes, row_bytes * message.height + 2 * columns * rows)
    colour_start = step * message.height
    # Rows of chroma are as long as those of luma, or twice as long without subsampling.
    colour_step = step * 2 // shared
    _check_length(message, step, colour_start + (rows - 1) * colour_step + 2 * columns)
    brightness: NDArray[np.uint8] = np.ndarray(
        (message.height, message.width), np.uint8, message.data, 0, (step, 1)
    )
    colour: NDArray[np.uint8] = np.ndarray(
        (rows, columns, 2), np.uint8, message.data, colour_start, (colour_step, 2, 1)
    )
    return brightness, colour


def check_size(message: 'Image') -> None:
    if message.width == 0 or message.height == 0:
        raise ImageError(f'image of zero size: width {message.width}, height {message.height}')


def _row_step(message: 'Image', row_bytes: int, packed_bytes: int) -> int:
    """Return the bytes from row to row, also where a driver set only ``step`` wrongly."""
    if message.step == row_bytes:
        return row_bytes
    what = f'a {message.width}x{message.height} {message.encoding} image'
    if len(message.data) != packed_bytes:
        if message.step > row_bytes:
            return message.step
        raise ImageError(
            f'step {message.step} is too small: a row of {what} has {row_bytes} bytes'
        )
    logger().warning(
        f'step {message.step} of {what} is wrong; assuming rows of {row_bytes} bytes',
        once=True,
    )
    return row_bytes


def _check_length(message: 'Image', step: int, needed_bytes: int) -> None:
    if len(message.data) < needed_bytes:
        raise ImageError(
            f'truncated image: data has {len(message.data)} bytes, but a '
            f'{message.width}x{message.height} {message.encoding} image with step {step} needs '
            f'{needed_bytes}'
        )
