# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks as foxglove_msgs/ImageAnnotations, where that package is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.rendering import object_colour

try:
    from foxglove_msgs.msg import Color, ImageAnnotations, Point2, PointsAnnotation, TextAnnotation
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

__all__ = ['INSTALLED', 'ImageAnnotations', 'annotations_of']

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from sam_tracker.rendering import DrawnTrack

FILL = 0.25
"""Opacity of a mask."""
PREDICTED = 0.5
"""Opacity of what is drawn for an object that is not visible."""
THICKNESS = 2.0
FONT_SIZE = 14.0
"""Pixels."""


def annotations_of(header: Header, tracks: Sequence[DrawnTrack]) -> ImageAnnotations:
    """
    Return what Foxglove draws over the image of the same stamp; only where ``INSTALLED``.

    The outline of each mask with the object's id, label and confidence, or the box in which an
    object that is not visible is expected.

    :param header: of the image.
    """
    message = ImageAnnotations()
    for track in tracks:
        seen = track.state == 'tracked'
        box = track.box if seen else track.predicted_box
        if box is None or track.state == 'forgotten':
            continue
        opacity = 1.0 if seen else PREDICTED
        x_min, y_min, x_max, y_max = box
        corners = np.array([(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)])
        shapes = _outlines(track) if seen else [corners]
        message.points += [
            _loop(header, shape, track.object_id, opacity, FILL if seen else 0.0)
            for shape in shapes
        ]
        name = ' '.join(filter(None, (str(track.object_id), track.label)))
        message.texts.append(
            TextAnnotation(
                timestamp=header.stamp,
                position=Point2(x=x_min, y=y_min),
                text=f'{name} {track.confidence:.2f}' if seen else f'{name} {track.state}',
                font_size=FONT_SIZE,
                text_color=_colour(track.object_id, opacity),
                background_color=Color(a=0.5),
            )
        )
    return message


def _outlines(track: DrawnTrack) -> list[NDArray[np.float64]]:
    """Return the outer outlines of a mask, [N, 2] each, in pixels of the image."""
    if track.mask is None:
        return []
    found, _ = cv2.findContours(
        np.ascontiguousarray(track.mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    # OpenCV names pixels; the origin of an annotation is the corner of the first one.
    offset = np.array(track.mask_origin) + 0.5
    return [each.reshape(-1, 2) + offset for each in found]


def _loop(
    header: Header, shape: NDArray[np.float64], object_id: int, opacity: float, fill: float
) -> PointsAnnotation:
    return PointsAnnotation(
        timestamp=header.stamp,
        type=PointsAnnotation.LINE_LOOP,
        points=[Point2(x=x, y=y) for x, y in shape.tolist()],
        outline_color=_colour(object_id, opacity),
        fill_color=_colour(object_id, fill),
        thickness=THICKNESS,
    )


def _colour(object_id: int, opacity: float) -> Color:
    blue, green, red = (each / 255 for each in object_colour(object_id))
    return Color(r=red, g=green, b=blue, a=opacity)
