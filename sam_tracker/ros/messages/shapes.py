# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of masks and boxes to messages."""

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import RegionOfInterest

from sam_tracker.core.boxes import Box, Region
from sam_tracker.msg import ImageBox, Mask


def mask_message(region: Region | None, crop: NDArray[np.uint8]) -> Mask:
    """
    Return a mask message.

    :param region: of the image that ``crop`` covers; None: the mask is empty.
    :param crop: [region.height, region.width], 255 on the object, else 0.
    """
    message = Mask()
    if region is not None:
        message.region = RegionOfInterest(
            x_offset=region.x, y_offset=region.y, width=region.width, height=region.height
        )
        # Without a second buffer and without a detour through Python integers.
        message.data.frombytes(np.ascontiguousarray(crop).data.cast('B'))
    return message


def box_message(box: Box | None) -> ImageBox:
    """Return a box message, all zero for None."""
    if box is None:
        return ImageBox()
    x_min, y_min, x_max, y_max = box.tolist()
    return ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
