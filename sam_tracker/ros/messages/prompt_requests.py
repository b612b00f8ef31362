# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompt messages for the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from sam_tracker.core.boxes import Region
from sam_tracker.msg import ImagePoint, Mask, Prompt
from sam_tracker.rendering import Box
from sam_tracker.ros.messages.masks import mask_message
from sam_tracker.ros.messages.shapes import box_message

if TYPE_CHECKING:
    from geometry_msgs.msg import Point


def prompt_message(
    header: Header,
    points: Sequence[tuple[float, float]] = (),
    point_labels: Sequence[int] = (),
    box: Box | None = None,
    mask: NDArray[np.uint8] | None = None,
    *,
    object_id: int = 0,
    label: str = '',
) -> Prompt:
    """
    Return a prompt message; coordinates in pixels of the source image.

    :param header: of the image that the prompt refers to; a zero stamp: the newest.
    :param points: x and y each.
    :param point_labels: Prompt.POINT_POSITIVE or Prompt.POINT_NEGATIVE for each point.
    :param box: half open.
    :param mask: [height, width] of the whole image; nonzero pixels are the object.
    :param object_id: the object to refine; 0: a new one.
    :param label: of the object.
    """
    message = Prompt(header=header, object_id=object_id, label=label)
    message.points = [ImagePoint(x=float(x), y=float(y)) for x, y in points]
    message.point_labels = list(point_labels)
    message.box = box_message(None if box is None else np.array(box, np.float64))
    if mask is not None:
        message.mask = whole_mask_message(mask)
    return message


def whole_mask_message(mask: NDArray[np.uint8]) -> Mask:
    """Crop a mask [height, width] of an image, nonzero on the object, into a message."""
    x, y, width, height = cv2.boundingRect((mask != 0).view(np.uint8))
    if not width:
        return Mask()
    region = Region(x, y, width, height)
    return mask_message(region, np.where(mask[region.slices], np.uint8(255), np.uint8(0)))


def prompt_of_click(point: Point, header: Header | None = None) -> Prompt:
    """
    Return a prompt for a new object at a click.

    :param point: x and y in pixels; z is not used.
    :param header: of the image that was clicked on; None: the newest image.
    """
    return Prompt(
        header=Header() if header is None else header,
        points=[ImagePoint(x=point.x, y=point.y)],
        point_labels=[Prompt.POINT_POSITIVE],
    )
