# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion between image messages and arrays."""

from sam_tracker.ros.images.conversion import (
    compressed_image_message,
    converted_from_bgr,
    image_message,
    rgb_image,
)
from sam_tracker.ros.images.encodings import ImageError

__all__ = [
    'ImageError',
    'compressed_image_message',
    'converted_from_bgr',
    'image_message',
    'rgb_image',
]
