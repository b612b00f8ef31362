# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of boxes to messages."""

from sam_tracker.core.boxes import Box
from sam_tracker.msg import ImageBox


def box_message(box: Box | None) -> ImageBox:
    """Return a box message, all zero for None."""
    if box is None:
        return ImageBox()
    x_min, y_min, x_max, y_max = box.tolist()
    return ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
