# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Arrange images on a contact sheet."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.lettering import text_size, write_text

Image = NDArray[np.uint8]

TEXT_SCALE = 0.6
"""Scale of captions below tiles of 640 pixels; it follows the width, but not below 240 pixels."""


def contact_sheet(
    frames: Sequence[Image], captions: Sequence[str], columns: int = 4, tile_width: int = 480
) -> Image:
    """
    Return one image that shows all frames, row by row, each above its caption.

    :param frames: (height, width, 3) uint8 each; sizes may differ.
    :param captions: one line for each frame.
    :param columns: tiles in a row; fewer when there are fewer frames.
    :param tile_width: pixels; a frame is scaled to this width, or to twice that height if it is
        tall.
    :returns: (rows, columns, 3) uint8, in the channel order of the frames.
    :raises ValueError: there are no frames, frames and captions differ in number, or ``columns``
        or ``tile_width`` is below 1.
    """
    if not frames or len(frames) != len(captions):
        raise ValueError(
            f'a contact sheet needs frames and a caption for each; got {len(frames)} frames and '
            f'{len(captions)} captions'
        )
    if columns < 1 or tile_width < 1:
        raise ValueError(
            f'columns and tile_width must be at least 1, not {columns} and {tile_width}'
        )
    margin = 6
    columns = min(columns, len(frames))
    tiles = [scaled_to_fit(frame, tile_width, 2 * tile_width) for frame in frames]
    scale = TEXT_SCALE * max(tile_width, 240) / 640
    _, text_height, base = text_size('Ag', scale)
    rows = [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    heights = [
        max(tile.shape[0] for tile in row) + text_height + base + 2 * margin for row in rows
    ]
    sheet = np.full(
        (sum(heights) + margin, columns * (tile_width + margin) + margin, 3), 24, np.uint8
    )
    top = margin
    remaining = iter(captions)
    for row, row_height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = margin + column * (tile_width + margin)
            bottom = top + tile.shape[0]
            sheet[top:bottom, left : left + tile.shape[1]] = tile
            baseline = (left + 2, bottom + text_height + margin)
            caption = next(remaining)
            write_text(sheet, caption, baseline, scale, (225, 225, 225))
        top += row_height
    return sheet


def scaled_to_fit(image: Image, width: int, height: int) -> Image:
    """Return the image scaled to fit into width x height pixels, its proportions kept."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = tuple(max(round(length * scale), 1) for length in (image.shape[1], image.shape[0]))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)
