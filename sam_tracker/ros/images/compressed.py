# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Compressed images: decoded by OpenCV, and encoded as compressed_image_transport does.

cv_bridge is not used, because it treats grey images as BGR.
"""

import io
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
import PIL.Image

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.pixel_type import measured_type
from sam_tracker.ros.images.encodings import NOT_PICTURES, ImageError, refuse
from sam_tracker.ros.images.log import logger

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage

FORMATS = ('JPEG', 'PNG', 'TIFF', 'WEBP', 'BMP', 'PPM')
"""Formats that OpenCV decodes and of which Pillow reads the size from the header."""

MOST_PIXELS = 64_000_000
"""Larger images are refused before decoding: a few kilobytes can claim gigapixels."""

JPEG_START, JPEG_SCAN, JPEG_END = b'\xff\xd8\xff', b'\xff\xda', b'\xff\xd9'
PNG_START, PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB\x60\x82'

DECODE = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH

UNREAD = b'\x5a' * 4096
"""Bytes that a JPEG decoder ignores after a complete image."""


def decoded_rgb(
    message: 'CompressedImage', dynamic_range: DynamicRange | None = None
) -> NDArray[np.uint8]:
    """
    Decode a compressed message.

    The data determine the codec. The field ``format`` is only used for RGB that was compressed
    as if it were BGR, and for depth. An EXIF orientation is applied.

    :param dynamic_range: as for ``rgb_image``.
    :returns: (height, width, 3) uint8 RGB.
    :raises ImageError: the data are in none of FORMATS, are truncated or damaged, have more than
        MOST_PIXELS, contain depth, or other pixels than of 8 or 16 bits without sign.
    """
    source_encoding, separator, compression = (
        part.strip() for part in message.format.partition(';')
    )
    if separator and source_encoding in NOT_PICTURES:
        raise refuse(source_encoding)
    data = bytes(message.data)
    named_format = shortened(message.format)
    if not data:
        raise ImageError(f'image of format {named_format} has no data')
    kind = measured_type(data)
    if kind is None:
        _check_size(data, named_format)
        pixels = _decoded(_completed(data, named_format), named_format)
        kind = pixels.dtype.name
    if kind not in {'uint8', 'uint16'}:
        raise ImageError(
            f'image of format {named_format} has pixels of {kind}; uint8 and uint16 are read'
        )
    image = eight_bits(pixels, dynamic_range)
    # OpenCV decodes to BGR, but some publishers of image_transport compress RGB as if it were BGR.
    if image.ndim == 3 and 'compressed rgb' in compression:
        return image
    rgb: Any = cv2.cvtColor(image, cv2.COLOR_BGR2RGB if image.ndim == 3 else cv2.COLOR_GRAY2RGB)
    return rgb


def eight_bits(
    pixels: NDArray[Any], dynamic_range: DynamicRange | None = None
) -> NDArray[np.uint8]:
    """Convert pixels of 8 or 16 bits to 8 bits; ``dynamic_range`` as for ``rgb_image``."""
    if pixels.dtype == np.uint8:
        return pixels
    if dynamic_range is not None:
        first = dynamic_range.limits is None
        stretched = dynamic_range.eight_bits(pixels)
        if first and dynamic_range.limits is not None:
            low, high = dynamic_range.limits
            logger().info(
                f'16-bit images: values from {low:.0f} to {high:.0f} are used, and become black '
                'to white',
                once=True,
            )
        return stretched
    scaled: Any = cv2.convertScaleAbs(pixels, alpha=255.0 / 65535.0)
    return scaled


def _check_size(data: bytes, named_format: str) -> None:
    """
    Check the format and the size in the header, before decoding.

    :raises ImageError: the format is unknown, or the image has more than MOST_PIXELS.
    """
    try:
        with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f'image of format {named_format} is too large: {error}') from error
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(
            f'image of format {named_format} cannot be decoded: its {len(data)} bytes, which '
            f'begin with {data[:8].hex(" ")}, are none of {", ".join(FORMATS)}'
        ) from error
    if width * height > MOST_PIXELS:
        raise ImageError(
            f'image of format {named_format} is too large: {width}x{height} pixels; at most '
            f'{MOST_PIXELS // 1_000_000} million are decoded'
        )


def _completed(data: bytes, named_format: str) -> bytes:
    """
    Return the data of a complete image, with an end marker.

    Decoders fill the missing part of a truncated JPEG with grey without an error, so it is checked
    here. Some cameras omit the end marker of a complete image: then a decoder ignores appended
    bytes, while in a truncated image it would decode them.

    :raises ImageError: the image is truncated.
    """
    if data.startswith(PNG_START):
        complete = PNG_END in data
    elif not data.startswith(JPEG_START):
        complete = True  # the decoder reports it
    else:
        # A thumbnail in the header has an end marker too, so search after the last scan.
        complete = data.rfind(JPEG_END) > data.rfind(JPEG_SCAN)
        if not complete and _scan_is_complete(data):
            return data + JPEG_END
    if not complete:
        raise ImageError(
            f'truncated image: its {len(data)} bytes of format {named_format} have no end marker'
        )
    return data


def _scan_is_complete(jpeg: bytes) -> bool:
    # Decoded by Pillow, because OpenCV's decoder warns on stderr about bytes that it skips.
    pictures = []
    for rest in (b'', UNREAD):
        file = io.BytesIO(jpeg + rest + JPEG_END)
        try:
            with PIL.Image.open(file, formats=['JPEG']) as image:
                pictures.append(image.tobytes())
        except OSError:
            return False
    return pictures[0] == pictures[1]


def _decoded(data: bytes, named_format: str) -> NDArray[Any]:
    try:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), DECODE)
    except cv2.error as error:
        raise ImageError(
            f'image of format {named_format} cannot be decoded: {error.err}'
        ) from error
    if image is None:
        raise ImageError(
            f'image of format {named_format} cannot be decoded: damaged ({len(data)} bytes)'
        )
    return image


def encoded(
    image: NDArray[Any], encoding: str, codec: str, jpeg_quality: int
) -> tuple[str, NDArray[np.uint8]]:
    """Return ``format`` and data of a compressed message; see ``compressed_image_message``."""
    taken = {'jpeg': ('mono8', 'bgr8', 'rgb8'), 'png': ('mono8', 'mono16', 'bgr8', 'rgb8')}
    if codec not in taken:
        raise ImageError(f'unknown codec {codec!r}; known are {", ".join(taken)}')
    if encoding not in taken[codec]:
        raise ImageError(
            f'{codec} cannot store {encoding!r} images; it can store {", ".join(taken[codec])}'
        )
    if not 1 <= jpeg_quality <= 100:
        raise ImageError(f'jpeg quality {jpeg_quality} is not between 1 and 100')
    stored = encoding
    if encoding == 'rgb8':
        image, stored = cv2.cvtColor(image, cv2.COLOR_RGB2BGR), 'bgr8'
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if codec == 'jpeg' else []
    done, data = cv2.imencode('.jpg' if codec == 'jpeg' else '.png', image, options)
    if not done:
        raise ImageError(
            f'a {image.shape[1]}x{image.shape[0]} {encoding} image cannot be written as {codec}'
        )
    return f'{encoding}; {codec} compressed {stored}', data
