# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images (REP 118) to arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.encodings import ImageError, PackedEncoding
from sam_tracker.ros.images.layout import packed_pixels

if TYPE_CHECKING:
    from sensor_msgs.msg import Image

ENCODINGS = {
    '16UC1': (PackedEncoding('16UC1', 1, np.uint16), 0.001),
    # Some drivers name what they send by its layout.
    'mono16': (PackedEncoding('mono16', 1, np.uint16), 0.001),
    '32FC1': (PackedEncoding('32FC1', 1, np.float32), 1.0),
}
"""Layout, and the metres that the value 1 stands for."""


def depth_values(message: 'Image') -> tuple[NDArray[Any], float]:
    """
    Return the values of a depth image, without a copy where possible, and their unit.

    :returns: [height, width] uint16 or float32, and the metres that the value 1 stands for.
    :raises ImageError: the encoding is not one of depth, or the data do not fit the size.
    """
    if message.encoding not in ENCODINGS:
        raise ImageError(
            f'image encoding {message.encoding!r} is not depth; accepted are '
            f'{", ".join(ENCODINGS)} (REP 118)'
        )
    encoding, unit = ENCODINGS[message.encoding]
    return packed_pixels(message, encoding), unit
