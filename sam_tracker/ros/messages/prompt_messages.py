# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as messages, and what the tracker makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.msg import Mask, Point2D
from sam_tracker.msg import Prompt as PromptMessage

if TYPE_CHECKING:
    from geometry_msgs.msg import Point


def prompt_of_message(message: PromptMessage, width: int, height: int) -> Prompt:
    """
    Return a prompt message as the tracker takes it.

    :param width: columns of the image it was made on.
    :param height: rows of that image.

    Raises ``PromptError`` naming what is wrong with it; what only the image can tell is checked by
    the tracker.
    """
    if len(message.box) > 1:
        raise PromptError(f'a prompt has at most one box; this one has {len(message.box)}')
    box = None
    if message.box:
        given = message.box[0]
        box = np.array([given.x_min, given.y_min, given.x_max, given.y_max])
    return Prompt(
        points=np.array([(point.x, point.y) for point in message.points]),
        labels=np.array(message.point_labels, dtype=np.int64),
        box=box,
        mask=mask_of_message(message.mask, width, height),
    )


def mask_of_message(message: Mask, width: int, height: int) -> NDArray[np.bool_] | None:
    """
    Return the mask in an image of that size, [height, width]; None for an empty region.

    Raises ``PromptError`` when the data do not fill the region or the region leaves the image.
    """
    region = message.region
    if region.width == 0 or region.height == 0:
        if len(message.data):
            raise PromptError(
                f'the mask has {len(message.data)} bytes of data but its region is '
                f'{region.width}x{region.height} pixels'
            )
        return None
    if len(message.data) != region.width * region.height:
        raise PromptError(
            f'the mask has {len(message.data)} bytes of data; its region of '
            f'{region.width}x{region.height} pixels needs {region.width * region.height}'
        )
    right, bottom = region.x_offset + region.width, region.y_offset + region.height
    if right > width or bottom > height:
        raise PromptError(
            f'the region of the mask, {region.width}x{region.height} pixels at '
            f'({region.x_offset}, {region.y_offset}), does not lie inside the image of '
            f'{width}x{height} pixels'
        )
    mask = np.zeros((height, width), dtype=np.bool_)
    crop = np.frombuffer(message.data, np.uint8).reshape(region.height, region.width)
    mask[region.y_offset : bottom, region.x_offset : right] = crop != 0
    return mask


def prompt_of_click(point: Point, header: Header | None = None) -> PromptMessage:
    """
    Return the prompt that a click means: a new object with this point on it.

    :param point: x and y in pixels; z is not used.
    :param header: stamp and frame of the image that was clicked on; None: the newest.
    """
    return PromptMessage(
        header=Header() if header is None else header,
        points=[Point2D(x=point.x, y=point.y)],
        point_labels=[PromptMessage.POINT_POSITIVE],
    )
