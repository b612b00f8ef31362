# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The accepted image encodings and their memory layout.

The names are those of sensor_msgs/image_encodings.hpp (Humble to Rolling), and `nv12`, which the
header lacks although camera drivers send it.
"""

from dataclasses import dataclass
from reprlib import repr as shortened

import numpy as np


class ImageError(ValueError):
    """An image message that cannot be read or written; the text names the offending value."""


@dataclass(frozen=True)
class PackedEncoding:
    """An encoding with interleaved channels, in one plane."""

    known_as: str
    """The oldest sensor_msgs name of the same layout, which every conversion library knows."""
    channels: int
    dtype: type[np.uint8] | type[np.uint16] | type[np.float32] = np.uint8

    @property
    def pixel_bytes(self) -> int:
        return self.channels * np.dtype(self.dtype).itemsize

    @property
    def is_bayer(self) -> bool:
        return self.known_as.startswith('bayer_')

    @property
    def pairs_pixels(self) -> bool:
        """Whether two neighbouring pixels share their chroma, as in YUV 4:2:2."""
        return self.known_as.startswith('yuv422')


@dataclass(frozen=True)
class TwoPlaneEncoding:
    """A plane of luma, then a plane of interleaved chroma, as V4L2 defines the NV formats."""

    subsampling: int
    """Number of pixels that share their chroma, in x and in y."""
    v_first: bool = False


PACKED = {
    'rgb8': PackedEncoding('rgb8', 3),
    'rgba8': PackedEncoding('rgba8', 4),
    'rgb16': PackedEncoding('rgb16', 3, np.uint16),
    'rgba16': PackedEncoding('rgba16', 4, np.uint16),
    'bgr8': PackedEncoding('bgr8', 3),
    'bgra8': PackedEncoding('bgra8', 4),
    'bgr16': PackedEncoding('bgr16', 3, np.uint16),
    'bgra16': PackedEncoding('bgra16', 4, np.uint16),
    'mono8': PackedEncoding('mono8', 1),
    'mono16': PackedEncoding('mono16', 1, np.uint16),
    # OpenCV's types define no colour order; by its convention they are grey, BGR and BGRA.
    '8UC1': PackedEncoding('mono8', 1),
    '8UC3': PackedEncoding('bgr8', 3),
    '8UC4': PackedEncoding('bgra8', 4),
    'bayer_rggb8': PackedEncoding('bayer_rggb8', 1),
    'bayer_bggr8': PackedEncoding('bayer_bggr8', 1),
    'bayer_gbrg8': PackedEncoding('bayer_gbrg8', 1),
    'bayer_grbg8': PackedEncoding('bayer_grbg8', 1),
    'bayer_rggb16': PackedEncoding('bayer_rggb16', 1, np.uint16),
    'bayer_bggr16': PackedEncoding('bayer_bggr16', 1, np.uint16),
    'bayer_gbrg16': PackedEncoding('bayer_gbrg16', 1, np.uint16),
    'bayer_grbg16': PackedEncoding('bayer_grbg16', 1, np.uint16),
    'uyvy': PackedEncoding('yuv422', 2),
    'yuv422': PackedEncoding('yuv422', 2),
    'yuyv': PackedEncoding('yuv422_yuy2', 2),
    'yuv422_yuy2': PackedEncoding('yuv422_yuy2', 2),
}

TWO_PLANE = {
    'nv12': TwoPlaneEncoding(2),
    'nv21': TwoPlaneEncoding(2, v_first=True),
    'nv24': TwoPlaneEncoding(1),
}

NOT_PICTURES = {
    '16UC1': 'it is depth in millimetres (REP 118); use a colour or mono image',
    '32FC1': 'it is depth in metres (REP 118); use a colour or mono image',
    '8UC2': 'it does not define its two channels; publish uyvy or yuyv',
}


def refuse(encoding: str) -> ImageError:
    """Return the error for an encoding that is not accepted, with the reason."""
    if reason := NOT_PICTURES.get(encoding):
        return ImageError(f'image encoding {shortened(encoding)} is refused: {reason}')
    accepted = ', '.join(sorted([*PACKED, *TWO_PLANE], key=str.lower))
    return ImageError(f'unknown image encoding {shortened(encoding)}; accepted are {accepted}')
