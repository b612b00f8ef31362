# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Colours from one packed encoding to another, by whichever library the installation has.

cv_bridge is what a ROS installation brings, rosbags-image is its well-kept equivalent on PyPI.
Both are given the same thing, pixels without padding in native byte order, because what they do
with padding differs: rosbags-image 0.10 ignores `step`, and cv_bridge shears an image whose `step`
is not a multiple of the pixel size.
"""

from dataclasses import dataclass
import functools
import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.ros.images.cv_bridge_trial import cv_bridge_fault
from sam_tracker.ros.images.encodings import ImageError


class ColourConverter(Protocol):
    """Converts colours; `description` tells which library does and why, for the log."""

    description: str

    def convert(self, pixels: NDArray[Any], encoding: str, target: str) -> NDArray[Any]:
        """
        Return pixels of encoding `target` made of those of `encoding`, in memory of their own.

        Raises:
            ImageError: the library cannot.

        """


@dataclass
class PackedImage:
    """The part of sensor_msgs/Image that the libraries read, over an array, not a copy of it."""

    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: NDArray[Any]

    @classmethod
    def of(cls, pixels: NDArray[Any], encoding: str) -> 'PackedImage':
        pixels = np.ascontiguousarray(pixels)
        height, width = pixels.shape[:2]
        return cls(
            height, width, encoding, sys.byteorder == 'big', pixels.nbytes // height, pixels
        )


class CvBridgeConverter:
    def __init__(self) -> None:
        from cv_bridge import CvBridge, CvBridgeError

        self._bridge = CvBridge()
        self._error = CvBridgeError
        self.description = 'images are converted by cv_bridge'

    def convert(self, pixels: NDArray[Any], encoding: str, target: str) -> NDArray[Any]:
        try:
            return self._bridge.imgmsg_to_cv2(PackedImage.of(pixels, encoding), target)
        except self._error as error:
            raise ImageError(
                f'cv_bridge cannot convert {encoding} to {target}: {error}'
            ) from error


class RosbagsImageConverter:
    def __init__(self, why_not_cv_bridge: str) -> None:
        from rosbags.image import ImageError as ConversionError
        from rosbags.image import message_to_cvimage

        self._convert: Any = message_to_cvimage
        self._error = ConversionError
        self.description = (
            f'images are converted by rosbags-image, because cv_bridge {why_not_cv_bridge}'
        )

    def convert(self, pixels: NDArray[Any], encoding: str, target: str) -> NDArray[Any]:
        try:
            return self._convert(PackedImage.of(pixels, encoding), target)
        except self._error as error:
            raise ImageError(
                f'rosbags-image cannot convert {encoding} to {target}: {error}'
            ) from error


@functools.cache
def colour_converter() -> ColourConverter:
    """
    Return the installation's converter, chosen at the first call and kept.

    Where a cv_bridge is installed the first call takes a few tenths of a second: call it before
    the first image.

    Raises:
        ImageError: there is neither a working cv_bridge nor rosbags-image.

    """
    fault = cv_bridge_fault()
    if fault is None:
        return CvBridgeConverter()
    try:
        return RosbagsImageConverter(fault)
    except ImportError as error:
        raise ImageError(
            f'no library to convert images with: cv_bridge {fault}, and rosbags-image cannot be '
            f'imported ({error}); pip install rosbags-image'
        ) from error
