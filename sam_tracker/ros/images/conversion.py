# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages as arrays, and arrays as image messages."""

import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.ros.images.colour_conversion import colour_converter
from sam_tracker.ros.images.compressed import decoded_rgb, eight_bits, encoded
from sam_tracker.ros.images.encodings import (
    PACKED,
    TWO_PLANE,
    ImageError,
    TwoPlaneEncoding,
    refuse,
)
from sam_tracker.ros.images.layout import packed_pixels, two_planes

if TYPE_CHECKING:
    from std_msgs.msg import Header

__all__ = [
    'ImageError',
    'compressed_image_message',
    'converted_from_bgr',
    'image_message',
    'rgb_image',
]

# The encodings that can be written.
WRITTEN = {name: PACKED[name] for name in ('mono8', 'mono16', 'bgr8', 'rgb8', 'bgra8', 'rgba8')}

# Encodings whose channels only change places. OpenCV does it straight from the message, padded or
# not, in half of the time that cv_bridge takes.
REORDERINGS = {
    'bgr8': cv2.COLOR_BGR2RGB,
    'bgra8': cv2.COLOR_BGRA2RGB,
    'rgba8': cv2.COLOR_RGBA2RGB,
    'mono8': cv2.COLOR_GRAY2RGB,
}

FROM_BGR = {
    'rgb8': cv2.COLOR_BGR2RGB,
    'bgra8': cv2.COLOR_BGR2BGRA,
    'rgba8': cv2.COLOR_BGR2RGBA,
    'mono8': cv2.COLOR_BGR2GRAY,
    'mono16': cv2.COLOR_BGR2GRAY,
}

# OpenCV's demosaicing leaves smaller images black.
SMALLEST_BAYER = 3


def rgb_image(
    message: Image | CompressedImage, dynamic_range: DynamicRange | None = None
) -> NDArray[np.uint8]:
    """
    Return the picture in a sensor_msgs/Image or sensor_msgs/CompressedImage as RGB.

    YUV is read as BT.601 in limited range, alpha is dropped, and encodings without colours
    (`8UC1`, `8UC3`, `8UC4`) are read as grey, BGR and BGRA.

    :param dynamic_range: of the camera, for 16 bits; None: they are scaled by 255/65535, as
        cv_bridge does.
    :returns: (height, width, 3) uint8. For `rgb8` it is a view of the message's memory: read only.
    :raises ImageError: the encoding is unknown or no picture, the size is zero, or the data do not
        fit the size.
    """
    if isinstance(message, CompressedImage):
        return decoded_rgb(message, dynamic_range)
    if (two_plane := TWO_PLANE.get(message.encoding)) is not None:
        return _rgb_of_two_planes(message, two_plane)
    if (encoding := PACKED.get(message.encoding)) is None:
        raise refuse(message.encoding)
    pixels = packed_pixels(message, encoding)
    known_as = encoding.known_as
    if encoding.is_bayer:
        if min(pixels.shape) < SMALLEST_BAYER:
            raise ImageError(
                f'a {message.width}x{message.height} {message.encoding} image is too small: '
                f'its colours need {SMALLEST_BAYER}x{SMALLEST_BAYER} pixels'
            )
        return eight_bits(colour_converter().convert(pixels, known_as), dynamic_range)
    if encoding.dtype is np.uint16:
        # Alpha is no brightness.
        colours = pixels[..., :3] if encoding.channels == 4 else pixels
        pixels = eight_bits(colours, dynamic_range)
        known_as = known_as.replace('a16', '8').replace('16', '8')
    if known_as == 'rgb8':
        return pixels
    if (reordering := REORDERINGS.get(known_as)) is not None:
        reordered: Any = cv2.cvtColor(pixels, reordering)
        return reordered
    rgb = colour_converter().convert(pixels, known_as)
    return rgb[:, : message.width]  # without the column that only completed the last pair


def image_message(image: NDArray[Any], encoding: str, header: 'Header') -> Image:
    """
    Return a sensor_msgs/Image that holds a copy of the array.

    Args:
        image: (height, width) or (height, width, channels); uint16 for `mono16`, else uint8.
        encoding: `mono8`, `mono16`, `bgr8`, `rgb8`, `bgra8` or `rgba8`: what the array already
            holds.
        header: taken over as it is.

    Raises:
        ImageError: the encoding is not one of these, or shape or type of the array do not fit it.

    """
    check_array(image, encoding)
    message = Image(header=header, height=image.shape[0], width=image.shape[1], encoding=encoding)
    message.is_bigendian = int(sys.byteorder == 'big')
    message.step = image.shape[1] * WRITTEN[encoding].pixel_bytes
    # The one public way without a detour through a second buffer or Python integers.
    message.data.frombytes(np.ascontiguousarray(image).data.cast('B'))
    return message


def compressed_image_message(
    image: NDArray[Any],
    encoding: str,
    header: 'Header',
    *,
    codec: str = 'jpeg',
    jpeg_quality: int = 90,
) -> CompressedImage:
    """
    Return a sensor_msgs/CompressedImage of the array, with `format` as image_transport has it.

    Args:
        image: as for `image_message`.
        encoding: `mono8`, `bgr8` or `rgb8`; with png also `mono16`.
        header: taken over as it is.
        codec: `jpeg` loses detail, `png` none.
        jpeg_quality: 1 (smallest) to 100 (best).

    Raises:
        ImageError: encoding, codec and array do not fit, or the quality is out of range.

    """
    check_array(image, encoding)
    message = CompressedImage(header=header)
    message.format, data = encoded(image, encoding, codec, jpeg_quality)
    message.data.frombytes(data.data)
    return message


def converted_from_bgr(bgr: NDArray[np.uint8], encoding: str) -> NDArray[Any]:
    """
    Return a picture as OpenCV has it, (height, width, 3) uint8 BGR, in an encoding to write.

    Raises:
        ImageError: the encoding is none of those that are written.

    """
    if encoding not in WRITTEN:
        raise ImageError(
            f'cannot write image encoding {encoding!r}; written are {", ".join(WRITTEN)}'
        )
    if encoding == 'bgr8':
        return bgr
    converted: Any = cv2.cvtColor(bgr, FROM_BGR[encoding])
    return converted * np.uint16(257) if encoding == 'mono16' else converted


def check_array(image: NDArray[Any], encoding: str) -> None:
    if (written := WRITTEN.get(encoding)) is None:
        raise ImageError(
            f'cannot write image encoding {encoding!r}; written are {", ".join(WRITTEN)}'
        )
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in {2, 3} or channels != written.channels or image.dtype != written.dtype:
        raise ImageError(
            f'an array of shape {image.shape} and type {image.dtype} is no {encoding} image: '
            f'that has {written.channels} channel(s) of {np.dtype(written.dtype)}'
        )
    if image.size == 0:
        raise ImageError(f'image of zero size: an array of shape {image.shape}')


def _rgb_of_two_planes(message: Image, encoding: TwoPlaneEncoding) -> NDArray[np.uint8]:
    """Convert with OpenCV: cv_bridge does not know where the colour plane lies."""
    brightness, colour = two_planes(message, encoding)
    height, width = brightness.shape
    if encoding.subsampling == 1:
        # OpenCV has no NV24. Doubling every pixel makes it UYVY, whose arithmetic is that of NV12.
        pairs = np.empty((height, width, 4), np.uint8)
        pairs[..., 0], pairs[..., 2] = colour[..., 0], colour[..., 1]
        pairs[..., 1] = pairs[..., 3] = brightness
        doubled = cv2.cvtColor(pairs.reshape(height, 2 * width, 2), cv2.COLOR_YUV2RGB_UYVY)
        return np.ascontiguousarray(doubled[:, ::2])
    if height % 2 or width % 2:
        brightness = np.pad(brightness, ((0, height % 2), (0, width % 2)), mode='edge')
    code = cv2.COLOR_YUV2RGB_NV21 if encoding.v_first else cv2.COLOR_YUV2RGB_NV12
    rgb: Any = cv2.cvtColorTwoPlane(brightness, colour, code)
    return rgb[:height, :width]
