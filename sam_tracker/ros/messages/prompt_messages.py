# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of prompt messages to prompts; it needs no ROS, since bags are read without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region, whole_mask
from sam_tracker.core.prompt import MOST_POINTS, Prompt, PromptError, checked_label
from sam_tracker.ros.messages.masks import MaskError, mask_pixels

if TYPE_CHECKING:
    from sam_tracker.msg import Mask
    from sam_tracker.msg import Prompt as PromptMessage


def prompt_of_message(message: PromptMessage, width: int, height: int) -> Prompt:
    """
    Convert a prompt message to a prompt.

    DDS implementations do not enforce the bounds of the message definition on reception, so they
    are checked here. Coordinates are not checked: see ``Prompt.validate``.

    :param width: columns of the image that the prompt was made on.
    :param height: rows of that image.
    :raises PromptError: the label is too long, there are too many points, points and labels
        differ in number, or the mask does not fit its region or the image.
    """
    checked_label(message.label)
    if len(message.points) > MOST_POINTS:
        raise PromptError(
            f'the prompt has {len(message.points)} points; at most {MOST_POINTS} are allowed'
        )
    corners = (message.box.x_min, message.box.y_min, message.box.x_max, message.box.y_max)
    return Prompt(
        points=np.array([(point.x, point.y) for point in message.points]),
        labels=np.array(message.point_labels, dtype=np.int64),
        box=np.array(corners) if any(corners) else None,
        mask=mask_of_message(message.mask, width, height),
    )


def mask_of_message(message: Mask, width: int, height: int) -> NDArray[np.bool_] | None:
    """
    Convert a mask message to a mask of the size of the image.

    :returns: [height, width]; None if the region is empty.
    :raises PromptError: data or run lengths do not have the size of the region, or the region is
        not inside the image.
    """
    region = message.region
    right, bottom = region.x_offset + region.width, region.y_offset + region.height
    if right > width or bottom > height:
        raise PromptError(
            f'the region of the mask, {region.width}x{region.height} pixels at '
            f'({region.x_offset}, {region.y_offset}), does not lie inside the image of '
            f'{width}x{height} pixels'
        )
    try:
        crop = mask_pixels(message)
    except MaskError as error:
        raise PromptError(str(error)) from None
    if crop is None:
        return None
    place = Region(region.x_offset, region.y_offset, region.width, region.height)
    return whole_mask(place, crop, width, height)


def only_names(message: PromptMessage) -> bool:
    """Return whether a prompt has a label for an object and nothing that points at it."""
    box, mask = message.box, message.mask
    pointed = len(message.points) or len(message.point_labels) or len(mask.data)
    pointed = pointed or any((box.x_min, box.y_min, box.x_max, box.y_max, mask.region.width))
    return bool(message.object_id and message.label) and not pointed
