# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Conversion of packed encodings to RGB, by cv_bridge if a working one is installed.

Otherwise by OpenCV, with identical results. Both get pixels without padding in native byte order,
because cv_bridge shears an image whose `step` is not a multiple of the pixel size.
"""

from collections.abc import Callable
from dataclasses import dataclass
import functools
import importlib.util
from pathlib import Path
import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.encodings import ImageError

# OpenCV names a Bayer pattern after the second and third pixel of the second row.
CODES = {
    'bayer_rggb': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg': cv2.COLOR_BayerGB2RGB,
    'yuv422': cv2.COLOR_YUV2RGB_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2RGB_YUYV,
}

NUMPY_2_MODULE = b'numpy._core'
"""The module that compiled code imports if it was built for NumPy 2."""

Convert = Callable[[NDArray[Any], str], NDArray[Any]]
"""From pixels and their encoding, a key of CODES with or without its depth, to RGB."""


@dataclass(frozen=True)
class ColourConverter:
    convert: Convert
    """
    Returns a new array, (height, width, 3) of the same depth.

    :raises ImageError: the image cannot be converted.
    """
    description: str
    """For the log: which library converts, and why."""


@dataclass
class PackedImage:
    """An array as the part of sensor_msgs/Image that cv_bridge reads, without a copy."""

    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: NDArray[Any]


@functools.cache
def colour_converter() -> ColourConverter:
    """Return the converter of this installation, selected at the first call."""
    if importlib.util.find_spec('cv_bridge') is None:
        fault = 'is not installed'
    elif _built_for_numpy_1() and int(np.__version__.partition('.')[0]) > 1:
        # The import would succeed, but the first conversion would crash the process.
        fault = f'was built for NumPy 1, and NumPy {np.__version__} is installed'
    else:
        try:
            return ColourConverter(_tried_cv_bridge(), 'images are converted by cv_bridge')
        except Exception as error:
            fault = f'does not work: {type(error).__name__}: {error}'.splitlines()[0]
    return ColourConverter(
        _convert_by_opencv, f'images are converted by OpenCV, because cv_bridge {fault}'
    )


def _convert_by_opencv(pixels: NDArray[Any], encoding: str) -> NDArray[Any]:
    rgb: Any = cv2.cvtColor(pixels, CODES[encoding.removesuffix('16').removesuffix('8')])
    return rgb


def _built_for_numpy_1() -> bool:
    spec = importlib.util.find_spec('cv_bridge')
    assert spec is not None
    folders = spec.submodule_search_locations or []
    compiled = [file for folder in folders for file in Path(folder).rglob('*.so')]
    return any(NUMPY_2_MODULE not in file.read_bytes() for file in compiled)


def _tried_cv_bridge() -> Convert:
    """
    Return cv_bridge's conversion after a trial.

    :raises ImageError: it converts white and black wrongly.
    :raises Exception: whatever importing or calling cv_bridge raises.
    """
    from cv_bridge import CvBridge, CvBridgeError

    bridge = CvBridge()

    def convert(pixels: NDArray[Any], encoding: str) -> NDArray[Any]:
        pixels = np.ascontiguousarray(pixels)
        height, width = pixels.shape[:2]
        step = pixels.nbytes // height
        big = sys.byteorder == 'big'
        target = 'rgb16' if pixels.dtype == np.uint16 else 'rgb8'
        try:
            return bridge.imgmsg_to_cv2(
                PackedImage(height, width, encoding, big, step, pixels), target
            )
        except CvBridgeError as error:
            raise ImageError(f'cv_bridge cannot convert {encoding}: {error}') from error

    white_and_black = np.array([[[128, 235], [128, 16]]], np.uint8)
    rgb = convert(white_and_black, 'yuv422')
    if not np.array_equal(rgb, [[[255] * 3, [0] * 3]]):
        raise ImageError(f'white and black became {np.asarray(rgb).tolist()}')
    return convert
