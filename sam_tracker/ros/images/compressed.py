# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Jpeg and png, as compressed_image_transport sends them.

OpenCV does both directly: rosbags-image and cv_bridge call the same decoder, but then take grey
pictures for BGR.
"""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.encodings import NOT_PICTURES, ImageError, refuse

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage

JPEG_START, JPEG_SCAN, JPEG_END = b'\xff\xd8\xff', b'\xff\xda', b'\xff\xd9'
PNG_START, PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB\x60\x82'

# The rows of a camera stay where the sensor had them, whatever an EXIF tag says: calibration and
# clicks mean these.
DECODE = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def decoded_rgb(message: 'CompressedImage') -> NDArray[np.uint8]:
    """
    Return the picture in a jpeg or png message as (height, width, 3) uint8 RGB.

    Which of the two it is, the first bytes tell; `format` may only name it loosely (`jpg`), or
    with the encoding it was made of (`bgr8; jpeg compressed bgr8`).

    Raises:
        ImageError: the data are neither jpeg nor png, truncated or damaged, or hold depth.

    """
    source_encoding, separator, compression = (
        part.strip() for part in message.format.partition(';')
    )
    if separator and source_encoding in NOT_PICTURES:
        raise refuse(source_encoding)
    data = bytes(message.data)
    _check_complete(data, message.format)
    try:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), DECODE)
    except cv2.error as error:
        raise ImageError(
            f'image of format {message.format!r} cannot be decoded: {error.err}'
        ) from error
    if image is None:
        raise ImageError(
            f'image of format {message.format!r} cannot be decoded: damaged ({len(data)} bytes)'
        )
    if image.dtype == np.uint16:
        image = cv2.convertScaleAbs(image, alpha=255.0 / 65535.0)
    # OpenCV decodes to BGR. The one exception of image_transport: a publisher that compressed RGB
    # as if it were BGR.
    if 'compressed rgb' in compression:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _check_complete(data: bytes, named_format: str) -> None:
    """Look for the end marker: older decoders fill what is missing with grey and say nothing."""
    if data.startswith(JPEG_START):
        # A preview inside the header has an end of its own: count only one behind the last scan.
        name, complete = 'jpeg', data.rfind(JPEG_END) > data.rfind(JPEG_SCAN)
    elif data.startswith(PNG_START):
        name, complete = 'png', PNG_END in data
    elif not data:
        raise ImageError(f'image of format {named_format!r} has no data')
    else:
        raise ImageError(
            f'image of format {named_format!r} is neither jpeg nor png: '
            f'its data begin with {data[:8].hex(" ")}'
        )
    if not complete:
        raise ImageError(f'truncated image: its {len(data)} bytes of {name} have no end marker')


def encoded(
    image: NDArray[Any], encoding: str, codec: str, jpeg_quality: int
) -> tuple[str, NDArray[np.uint8]]:
    """Return `format` and data of a compressed message; see `images.compressed_image_message`."""
    taken = {'jpeg': ('mono8', 'bgr8', 'rgb8'), 'png': ('mono8', 'mono16', 'bgr8', 'rgb8')}
    if codec not in taken:
        raise ImageError(f'unknown codec {codec!r}; known are {", ".join(taken)}')
    if encoding not in taken[codec]:
        raise ImageError(
            f'{codec} takes no {encoding!r} image; it takes {", ".join(taken[codec])}'
        )
    if not 1 <= jpeg_quality <= 100:
        raise ImageError(f'jpeg quality {jpeg_quality} is outside of 1 to 100')
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
