# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Conversion of masks to messages and back, as bytes or as run lengths.

Reading them needs no ROS: bags are read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region
from sam_tracker.core.run_length import MaskEncoding, counts, decoded

if TYPE_CHECKING:
    from sam_tracker.msg import Mask

MOST_PIXELS = 2**27
"""Of a mask given as run lengths: a few bytes may claim any number of pixels."""


class MaskError(ValueError):
    """A mask message that contradicts itself; the text names the value."""


def mask_message(
    region: Region | None, crop: NDArray[np.uint8], encoding: MaskEncoding = 'bytes'
) -> Mask:
    """
    Return a mask message.

    :param region: of the image that ``crop`` covers; None: the mask is empty.
    :param crop: [region.height, region.width], 255 on the object, else 0.
    """
    from sensor_msgs.msg import RegionOfInterest

    from sam_tracker.msg import Mask

    message = Mask()
    if region is None:
        return message
    message.region = RegionOfInterest(
        x_offset=region.x, y_offset=region.y, width=region.width, height=region.height
    )
    # Without a second buffer and without a detour through Python integers.
    if encoding == 'bytes':
        message.data.frombytes(np.ascontiguousarray(crop).data.cast('B'))
    else:
        lengths = counts(crop, (0, 0), region.width, region.height)
        message.run_lengths.frombytes(lengths.astype(np.uint32).data.cast('B'))
    return message


def mask_pixels(message: Mask, name: str = 'the mask') -> NDArray[np.uint8] | None:
    """
    Return the pixels of a mask message, however they are encoded.

    :param name: of the mask, for error texts.
    :returns: [region.height, region.width], 0 off the object, any other value on it; for a mask of
        bytes a view of the message's memory; None if the region is empty.
    :raises MaskError: bytes or run lengths do not have the size of the region, both are given, or
        run lengths claim more than ``MOST_PIXELS``.
    """
    width, height = message.region.width, message.region.height
    size, runs = len(message.data), len(message.run_lengths)
    if width == 0 or height == 0:
        if size or runs:
            given = f'{size} bytes of data' if size else f'{runs} run lengths'
            raise MaskError(f'{name} has {given} but its region is {width}x{height} pixels')
        return None
    if not runs:
        if size != width * height:
            raise MaskError(
                f'{name} has {size} bytes of data; its region of {width}x{height} pixels needs '
                f'{width * height}'
            )
        return np.frombuffer(message.data, np.uint8).reshape(height, width)
    if size:
        raise MaskError(f'{name} has both {size} bytes of data and {runs} run lengths')
    if width * height > MOST_PIXELS:
        raise MaskError(
            f'{name} has a region of {width}x{height} pixels; with run lengths it may have '
            f'{MOST_PIXELS}'
        )
    try:
        return decoded(np.frombuffer(message.run_lengths, np.uint32), width, height)
    except ValueError as error:
        raise MaskError(f'{name} is wrong: {error}') from None
