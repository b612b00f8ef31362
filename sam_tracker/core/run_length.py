# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's run-length encoding of masks, which pycocotools and annotation tools read."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

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
    # An empty pixel below each column ends every run within its column.
    columnwise = np.zeros((columns, rows + 1), np.bool_)
    columnwise[:, :rows] = mask.T != 0
    change = np.flatnonzero(np.diff(columnwise.reshape(-1), prepend=False))
    column, row = np.divmod(change, rows + 1)
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
