# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's run-length encoding of masks, which pycocotools and annotation tools read."""

from typing import Literal, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

MaskEncoding = Literal['bytes', 'run_lengths']
"""How a message carries a mask: a byte for each pixel, or uncompressed run lengths."""
MASK_ENCODINGS: tuple[MaskEncoding, ...] = get_args(MaskEncoding)

Counts = NDArray[np.int64]

# Eight digits of five bits are enough for the number of pixels of any image.
DIGIT_BITS = 5
MOST_DIGITS = 8


class RunLengths(TypedDict):
    """A COCO segmentation: `size` is height and width, `counts` the compressed run lengths."""

    size: list[int]
    counts: str


def run_lengths(
    mask: NDArray[np.uint8], origin: tuple[int, int], width: int, height: int
) -> RunLengths:
    """
    Encode a mask as a COCO segmentation.

    :param mask: [h, w], cropped to the object; nonzero pixels are the object.
    :param origin: x and y of the mask's top left pixel in the image.
    :param width: of the image, in pixels.
    :param height: of the image, in pixels.
    :raises ValueError: the mask is not inside the image.
    """
    return {'size': [height, width], 'counts': compressed(counts(mask, origin, width, height))}


def counts(mask: NDArray[np.uint8], origin: tuple[int, int], width: int, height: int) -> Counts:
    """
    Return the lengths of the runs of 0, 1, 0, ... down the columns of the image, left to right.

    Arguments and errors as for ``run_lengths``. The time depends on the size of the crop, not of
    the image.
    """
    x, y = origin
    rows, columns = mask.shape
    if x < 0 or y < 0 or x + columns > width or y + rows > height:
        raise ValueError(
            f'a mask of {columns}x{rows} pixels at ({x}, {y}) does not lie inside an image of '
            f'{width}x{height}'
        )
    # Where a pixel differs from the one above it, nothing lying above the first row and below the
    # last, so that every run ends within its column. Along rows, in the order of memory, and then
    # sorted: most masks have few such places.
    on = mask != 0
    change = np.empty((rows + 1, columns), np.bool_)
    change[0], change[-1] = on[0], on[-1]
    np.not_equal(on[1:], on[:-1], out=change[1:-1])
    row, column = np.divmod(np.flatnonzero(change), columns)
    column, row = np.divmod(np.sort(column * (rows + 1) + row), rows + 1)
    position = (x + column) * height + y + row
    starts, ends = position[::2], position[1::2]
    # Join a run that reaches the bottom of the image to one that starts at the next column's top.
    apart = starts[1:] != ends[:-1]
    starts = np.concatenate((starts[:1], starts[1:][apart]))
    ends = np.concatenate((ends[:-1][apart], ends[-1:]))
    borders = np.zeros(2 * len(starts) + 2, np.int64)
    borders[1:-1:2], borders[2:-1:2], borders[-1] = starts, ends, width * height
    lengths = np.diff(borders)
    return lengths[:-1] if len(lengths) > 1 and lengths[-1] == 0 else lengths


def compressed(lengths: Counts) -> str:
    """
    Encode run lengths as COCO's text.

    From the fourth on, each length is replaced by its difference from the length two before. Each
    is written in digits of five bits, least significant first, in two's complement. Bit 5 is set
    if another digit follows, and 48 is added to make it a printable character.
    """
    values = lengths.astype(np.int64)
    values[3:] -= lengths[1:-2]
    shifts = DIGIT_BITS * np.arange(MOST_DIGITS)
    digits = (values[:, None] >> shifts) & 31
    remainders = values[:, None] >> (shifts + DIGIT_BITS)
    # The highest bit of the last digit is the sign, so it must agree with the remainder.
    follows = np.where(digits & 16, remainders != -1, remainders != 0)
    used = np.ones_like(follows)
    used[:, 1:] = np.logical_and.accumulate(follows, axis=1)[:, :-1]
    characters = (digits + 32 * follows + 48).astype(np.uint8)
    return characters[used].tobytes().decode('ascii')


def decoded(lengths: NDArray[np.integer], width: int, height: int) -> NDArray[np.uint8]:
    """
    Return the mask of run lengths as of ``counts``.

    :param lengths: [N], not negative, of 0, 1, 0, ... down the columns, left to right.
    :param width: of the mask, in pixels.
    :param height: of the mask, in pixels.
    :returns: [height, width], 255 on the object, else 0; contiguous.
    :raises ValueError: the lengths do not add up to the mask's pixels.
    """
    # Not in their own type, where the sum may wrap around.
    pixels = sum(lengths.tolist())
    if pixels != width * height:
        raise ValueError(
            f'{len(lengths)} run lengths add up to {pixels} pixels; a mask of {width}x{height} '
            f'pixels has {width * height}'
        )
    values = np.zeros(len(lengths), np.uint8)
    values[1::2] = 255
    return np.ascontiguousarray(np.repeat(values, lengths).reshape(width, height).T)


def uncompressed(text: str, width: int, height: int) -> NDArray[np.uint8]:
    """
    Return the mask of COCO's text.

    :returns: as ``decoded``.
    :raises ValueError: the text is no run-length encoding of a mask of this size.
    """
    codes = np.frombuffer(text.encode('ascii'), np.uint8).astype(np.int64) - 48
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError(f'{text[:20]!r} is no run-length encoding')
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    position = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if position.max() >= MOST_DIGITS:
        raise ValueError(f'{text[:20]!r} is no run-length encoding')
    values = np.add.reduceat((codes & 31) << (DIGIT_BITS * position), starts)
    # The highest bit of the last digit is the sign.
    negative = (codes[ends] & 16) != 0
    values -= negative.astype(np.int64) << (DIGIT_BITS * (position[ends] + 1))
    # From the fourth on, each is the difference from the length two before.
    lengths = values.copy()
    for parity in (1, 2):
        lengths[parity::2] = np.cumsum(values[parity::2])
    if (lengths < 0).any():
        raise ValueError(f'{text[:20]!r} has negative run lengths')
    return decoded(lengths, width, height)
