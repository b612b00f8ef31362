# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images (REP 118) to arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.compressed_depth import METRES, MILLIMETRES, compressed_depth
from sam_tracker.ros.images.encodings import ImageError, PackedEncoding
from sam_tracker.ros.images.layout import packed_pixels

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image

# Some drivers name what they send by its layout: mono16.
ENCODINGS = {
    **{name: PackedEncoding(name, 1, np.uint16) for name in MILLIMETRES},
    METRES: PackedEncoding(METRES, 1, np.float32),
}


@dataclass(frozen=True, eq=False)
class ReceivedDepth:
    """A depth image as it was sent; it is decoded when ``values`` are first read."""

    width: int
    height: int
    frame_id: str
    """Of the camera whose pixels these are."""
    unit: float
    """Metres that the value 1 stands for."""
    nbytes: int
    """Of the values."""
    _read: Callable[[], NDArray[Any]]

    @cached_property
    def values(self) -> NDArray[Any]:
        """
        Return the depth of each pixel, without a copy of raw data where possible.

        :returns: [height, width] uint16 or float32; 0 or NaN: not measured.
        :raises ImageError: compressed data are truncated or damaged.
        """
        return self._read()


def received_depth(message: Image | CompressedImage) -> ReceivedDepth:
    """
    Return the depth image of a message.

    :param message: raw, or of compressed_depth_image_transport.
    :raises ImageError: it is not a depth image, or raw data are too short.
    """
    if hasattr(message, 'format'):
        compressed = compressed_depth(message)
        encoding, size = compressed.encoding, (compressed.width, compressed.height)
        read = compressed.values
    else:
        encoding, size = message.encoding, (message.width, message.height)
        if encoding not in ENCODINGS:
            raise ImageError(
                f'image encoding {shortened(encoding)} is not depth; accepted are '
                f'{", ".join(ENCODINGS)} (REP 118)'
            )
        # This reads nothing but the size of the data.
        values = packed_pixels(message, ENCODINGS[encoding])
        read = partial(np.asarray, values)
    unit = 1.0 if encoding == METRES else 0.001
    nbytes = size[0] * size[1] * ENCODINGS[encoding].pixel_bytes
    return ReceivedDepth(*size, message.header.frame_id, unit, nbytes, read)
