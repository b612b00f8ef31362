# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the number of a frame of the test pattern."""

import numpy as np

from sam_tracker.video.test_pattern import NUMBER_BITS, bars_height


def read_frame_number(image):
    """Return the number in a pattern, in any channel order and also after JPEG compression."""
    height, width = image.shape[:2]
    row = image[(bars_height(height) + height) // 2].reshape(width, -1)
    # The edges as drawn: in a narrow pattern a cell has few columns, and rounding counts.
    edges = np.arange(NUMBER_BITS + 1) * width // NUMBER_BITS
    bits = row[(edges[:-1] + edges[1:]) // 2].mean(axis=1) > 127
    return int(bits @ (1 << np.arange(NUMBER_BITS)[::-1]))
