# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images as compressed_depth_image_transport sends them, to arrays."""

from __future__ import annotations

from dataclasses import dataclass
import math
from reprlib import repr as shortened
import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.compressed import MOST_PIXELS, PNG_END, PNG_START
from sam_tracker.ros.images.encodings import ImageError

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage

CONFIGURATION = struct.Struct('<iff')
"""Before the PNG: a number that is not used, and the two of ``_metres``."""
PNG_HEADER = struct.Struct('>8s4x4sIIBB')
"""Signature, name of the first chunk, width, height, bits of a value, and kind of pixels."""
MILLIMETRES = ('16UC1', 'mono16')
METRES = '32FC1'


@dataclass(frozen=True, eq=False)
class CompressedDepth:
    """A depth image whose header has been read, and no more."""

    encoding: str
    """Of the image before it was compressed: ``32FC1``, or one of ``MILLIMETRES``."""
    width: int
    height: int
    quantisation: tuple[float, float]
    """Of ``32FC1``, see ``_metres``."""
    png: NDArray[np.uint8]

    def values(self) -> NDArray[Any]:
        """
        Decode the image.

        :returns: [height, width] uint16 millimetres or float32 metres; 0 or NaN: not measured.
        :raises ImageError: it is truncated or damaged.
        """
        what = f'the {self.width}x{self.height} PNG of {len(self.png)} bytes'
        if PNG_END not in self.png.tobytes():
            raise ImageError(f'truncated depth image: {what} has no end')
        decoded: Any = cv2.imdecode(self.png, cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.shape != (self.height, self.width):
            raise ImageError(f'depth image cannot be decoded: {what} is damaged')
        return _metres(decoded, *self.quantisation) if self.encoding == METRES else decoded


def compressed_depth(message: CompressedImage) -> CompressedDepth:
    """
    Read the header of a message of compressed_depth_image_transport.

    Its data are 12 bytes of configuration and a PNG of 16 bits.

    :raises ImageError: ``format`` or data are not those of such a message, or the image has more
        than MOST_PIXELS.
    """
    encoding, _, compression = (part.strip() for part in message.format.partition(';'))
    # Before there was a choice, the field did not name the compression.
    if encoding not in (*MILLIMETRES, METRES) or compression not in (
        *('', 'compressedDepth', 'compressedDepth png'),
    ):
        raise ImageError(
            f'image format {shortened(message.format)} is not depth that can be read; '
            f'accepted are {", ".join((*MILLIMETRES, METRES))}, each with "; compressedDepth png"'
        )
    head = message.data[: CONFIGURATION.size + PNG_HEADER.size].tobytes()
    if (
        len(head) < CONFIGURATION.size + PNG_HEADER.size
        or head.find(PNG_START) != CONFIGURATION.size
    ):
        raise ImageError(
            f'compressed depth image of {len(message.data)} bytes has no PNG behind the '
            f'{CONFIGURATION.size} bytes of its configuration'
        )
    _, a, b = CONFIGURATION.unpack_from(head)
    if encoding == METRES and not (math.isfinite(a) and math.isfinite(b) and a > 0):
        raise ImageError(f'compressed depth image has the quantisation {a:g}, {b:g}')
    _, _, width, height, bits, kind = PNG_HEADER.unpack_from(head, CONFIGURATION.size)
    if (bits, kind) != (16, 0):
        raise ImageError(
            f'compressed depth image is a PNG of {bits} bits and colour type {kind}, and not a '
            'grey one of 16 bits'
        )
    if not 0 < width * height <= MOST_PIXELS:
        raise ImageError(
            f'compressed depth image of {width}x{height} pixels: at most '
            f'{MOST_PIXELS // 1_000_000} million are decoded'
        )
    png: NDArray[np.uint8] = np.frombuffer(message.data, np.uint8, offset=CONFIGURATION.size)
    return CompressedDepth(encoding, width, height, (a, b), png)


def _metres(inverse: NDArray[np.uint16], a: float, b: float) -> NDArray[np.float32]:
    """
    Return the depth that was stored as ``a / depth + b``, and as 0 where it was not measured.

    The transport stores depth in metres so, because the error of a sensor grows with it.
    """
    values = np.full(inverse.shape, np.nan, np.float32)
    with np.errstate(divide='ignore'):
        np.divide(np.float32(a), inverse.astype(np.float32) - b, out=values, where=inverse != 0)
    return values
