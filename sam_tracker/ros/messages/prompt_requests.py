# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as messages, for those who ask."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from sam_tracker.msg import ImageBox, ImagePoint, Mask, Prompt
from sam_tracker.rendering import Box


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
    Return a prompt as the services take it; coordinates in pixels of the source image.

    Args:
        header: of the image the prompt is made on; a zero stamp means the newest.
        points: x and y each.
        point_labels: Prompt.POINT_POSITIVE or Prompt.POINT_NEGATIVE for each point.
        box: half open.
        mask: [height, width] of the whole image; any value but 0 is the object.
        object_id: the object to refine; 0: a new one.
        label: what to call it.

    """
    message = Prompt(header=header, object_id=object_id, label=label)
    message.points = [ImagePoint(x=float(x), y=float(y)) for x, y in points]
    message.point_labels = list(point_labels)
    if box is not None:
        x_min, y_min, x_max, y_max = map(float, box)
        message.box = ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
    if mask is not None:
        message.mask = mask_message(mask)
    return message


def mask_message(mask: NDArray[np.uint8]) -> Mask:
    """Return the mask of a whole image, cropped to its pixels; empty when it has none."""
    x, y, width, height = cv2.boundingRect((mask != 0).view(np.uint8))
    message = Mask()
    message.region.x_offset, message.region.y_offset = x, y
    message.region.width, message.region.height = width, height
    crop = np.full((height, width), 255, np.uint8)
    crop[mask[y : y + height, x : x + width] == 0] = 0
    message.data.frombytes(crop.tobytes())
    return message
