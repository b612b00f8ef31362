# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of image messages to arrays and of arrays to image messages."""

import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
    from sensor_msgs.msg import CompressedImage, Image
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

# Encodings that only differ in the order of channels. OpenCV reads the message directly, padded or
# not, and takes half the time of cv_bridge.
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

# OpenCV's demosaicing returns smaller images black.
SMALLEST_BAYER = 3


def rgb_image(
    message: 'Image | CompressedImage', dynamic_range: DynamicRange | None = None
) -> NDArray[np.uint8]:
    """
    Convert a sensor_msgs/Image or sensor_msgs/CompressedImage to RGB.

    YUV is BT.601 in limited range; alpha is dropped; encodings without a defined colour order
    (``8UC1``, ``8UC3``, ``8UC4``) are taken as grey, BGR and BGRA.

    :param dynamic_range: of the camera, for 16 bits; None: scale by 255/65535, as cv_bridge does.
    :returns: (height, width, 3) uint8; for ``rgb8`` a read-only view of the message's memory.
    :raises ImageError: the encoding is unknown or not a colour or grey image, the size is zero, or
        the data do not fit the size.
    """
    if hasattr(message, 'format'):  # of CompressedImage alone
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
                f'demosaicing needs {SMALLEST_BAYER}x{SMALLEST_BAYER} pixels'
            )
        return eight_bits(colour_converter().convert(pixels, known_as), dynamic_range)
    if encoding.dtype is np.uint16:
        # Alpha must not influence the range.
        colours = pixels[..., :3] if encoding.channels == 4 else pixels
        pixels = eight_bits(colours, dynamic_range)
        known_as = known_as.replace('a16', '8').replace('16', '8')
    if known_as == 'rgb8':
        return pixels
    if (reordering := REORDERINGS.get(known_as)) is not None:
        reordered: Any = cv2.cvtColor(pixels, reordering)
        return reordered
    rgb = colour_converter().convert(pixels, known_as)
    return rgb[:, : message.width]  # without the column that completes the last pair


def image_message(image: NDArray[Any], encoding: str, header: 'Header') -> 'Image':
    """
    Copy an array into a sensor_msgs/Image.

    :param image: (height, width) or (height, width, channels); uint16 for ``mono16``, else uint8.
    :param encoding: of the array: ``mono8``, ``mono16``, ``bgr8``, ``rgb8``, ``bgra8`` or
        ``rgba8``.
    :param header: of the message.
    :raises ImageError: the encoding is not one of these, or shape or type of the array do not fit
        it.
    """
    from sensor_msgs.msg import Image

    check_array(image, encoding)
    message = Image(header=header, height=image.shape[0], width=image.shape[1], encoding=encoding)
    message.is_bigendian = int(sys.byteorder == 'big')
    message.step = image.shape[1] * WRITTEN[encoding].pixel_bytes
    # The only public way without a second buffer or a detour through Python integers.
    message.data.frombytes(np.ascontiguousarray(image).data.cast('B'))
    return message


def compressed_image_message(
    image: NDArray[Any],
    encoding: str,
    header: 'Header',
    *,
    codec: str = 'jpeg',
    jpeg_quality: int = 90,
) -> 'CompressedImage':
    """
    Compress an array into a sensor_msgs/CompressedImage, with ``format`` as in image_transport.

    :param image: as for ``image_message``.
    :param encoding: ``mono8``, ``bgr8`` or ``rgb8``; with png also ``mono16``.
    :param header: of the message.
    :param codec: ``jpeg`` is lossy, ``png`` lossless.
    :param jpeg_quality: 1 (smallest) to 100 (best).
    :raises ImageError: encoding, codec and array do not fit, or the quality is out of range.
    """
    from sensor_msgs.msg import CompressedImage

    check_array(image, encoding)
    message = CompressedImage(header=header)
    message.format, data = encoded(image, encoding, codec, jpeg_quality)
    message.data.frombytes(data.data)
    return message


def converted_from_bgr(bgr: NDArray[np.uint8], encoding: str) -> NDArray[Any]:
    """
    Convert a BGR image to an encoding that can be written.

    :param bgr: (height, width, 3).
    :param encoding: a key of WRITTEN.
    :returns: (height, width) or (height, width, channels), uint16 for ``mono16``, else uint8.
    :raises ImageError: the encoding cannot be written.
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
    """
    Check that an array fits an encoding.

    :raises ImageError: it does not, is empty, or the encoding cannot be written.
    """
    if (written := WRITTEN.get(encoding)) is None:
        raise ImageError(
            f'cannot write image encoding {encoding!r}; written are {", ".join(WRITTEN)}'
        )
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in {2, 3} or channels != written.channels or image.dtype != written.dtype:
        raise ImageError(
            f'an array of shape {image.shape} and type {image.dtype} is not a {encoding} image, '
            f'which has {written.channels} channel(s) of {np.dtype(written.dtype)}'
        )
    if image.size == 0:
        raise ImageError(f'image of zero size: an array of shape {image.shape}')


def _rgb_of_two_planes(message: 'Image', encoding: TwoPlaneEncoding) -> NDArray[np.uint8]:
    """Convert by OpenCV: cv_bridge does not support an offset of the colour plane."""
    brightness, colour = two_planes(message, encoding)
    height, width = brightness.shape
    if encoding.subsampling == 1:
        # OpenCV lacks NV24. With every pixel doubled it is UYVY, converted as NV12 is.
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
