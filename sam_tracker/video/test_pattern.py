# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A test pattern of which every pixel is defined.

Top three quarters: the eight colour bars of BARS, of equal width, and a moving square of
SQUARE_BGR. Bottom quarter: the number of the frame in binary, one cell for each of NUMBER_BITS
bits, the most significant at the left, white for 1 and black for 0.
"""

import numpy as np
from numpy.typing import NDArray

BARS: tuple[tuple[int, int, int], ...] = (
    (191, 191, 191),  # grey
    (0, 191, 191),  # yellow
    (191, 191, 0),  # cyan
    (0, 191, 0),  # green
    (191, 0, 191),  # magenta
    (0, 0, 191),  # red
    (191, 0, 0),  # blue
    (0, 0, 0),  # black
)
"""Blue, green and red of the bars."""

SQUARE_BGR = (40, 140, 255)
NUMBER_BITS = 16
SMALLEST = NUMBER_BITS
"""Smallest width and height, in pixels."""

FRAMES_ACROSS = 120
"""Frames the square takes from one edge to the other."""


def pattern_background(width: int, height: int) -> NDArray[np.uint8]:
    """
    Draw the bars, without square and number.

    :returns: (height, width, 3) uint8 BGR.
    :raises ValueError: the size is smaller than SMALLEST.
    """
    if min(width, height) < SMALLEST:
        raise ValueError(f'a test pattern of {width}x{height} pixels is smaller than {SMALLEST}')
    image = np.zeros((height, width, 3), np.uint8)
    bar = np.arange(width) * len(BARS) // width
    image[: bars_height(height)] = np.asarray(BARS, np.uint8)[bar]
    return image


def bars_height(height: int) -> int:
    """Return how many rows the bars take."""
    return height * 3 // 4


def square_box(width: int, height: int, number: int) -> tuple[int, int, int, int]:
    """Return x_min, y_min, x_max, y_max of the square in a frame, the maxima exclusive."""
    side = max(2, height // 6)
    # Back and forth between the edges.
    phase = number % (2 * FRAMES_ACROSS)
    way = phase if phase < FRAMES_ACROSS else 2 * FRAMES_ACROSS - phase
    x = (width - side) * way // FRAMES_ACROSS
    y = (bars_height(height) - side) // 2
    return x, y, x + side, y + side


def draw_frame_number(image: NDArray[np.uint8], number: int) -> None:
    """Draw the moving square and the number, modulo 2**NUMBER_BITS, over a background."""
    height, width = image.shape[:2]
    x_min, y_min, x_max, y_max = square_box(width, height, number)
    image[y_min:y_max, x_min:x_max] = SQUARE_BGR
    # The first column of each cell, and the one after the last.
    edges = np.arange(NUMBER_BITS + 1) * width // NUMBER_BITS
    for bit in range(NUMBER_BITS):
        if number >> (NUMBER_BITS - 1 - bit) & 1:
            image[bars_height(height) :, edges[bit] : edges[bit + 1]] = 255
