# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks and boxes as messages."""

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import RegionOfInterest

from sam_tracker.core.boxes import Box, Region
from sam_tracker.msg import ImageBox, Mask


def mask_message(region: Region | None, crop: NDArray[np.uint8]) -> Mask:
    """
    Return a mask message, which holds only the part of the image that has pixels.

    :param region: of the image; None: the mask is empty, and so is the message.
    :param crop: [region.height, region.width], 255 on the object and 0 beside it.
    """
    message = Mask()
    if region is not None:
        message.region = RegionOfInterest(
            x_offset=region.x, y_offset=region.y, width=region.width, height=region.height
        )
        # Neither through Python integers nor through a second buffer.
        message.data.frombytes(np.ascontiguousarray(crop).data.cast('B'))
    return message


def box_message(box: Box | None) -> ImageBox:
    """Return a box message, all zero for no box."""
    if box is None:
        return ImageBox()
    x_min, y_min, x_max, y_max = box.tolist()
    return ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
