# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Places as visualization_msgs/MarkerArray, where that package is installed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from std_msgs.msg import ColorRGBA

from sam_tracker.rendering import object_colour
from sam_tracker.ros.messages.stamps import duration_message

try:
    from visualization_msgs.msg import Marker, MarkerArray
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

__all__ = ['INSTALLED', 'MarkerArray', 'marker_array']

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from sam_tracker.msg import Track3D, Track3DArray

LIFETIME = 2_000_000_000
"""Nanoseconds after which a marker disappears unless it is renewed."""
BOX_ALPHA = 0.35
PREDICTED_ALPHA = 0.15
DOT = 0.1
"""Metres: the diameter of what marks a position without a box."""
TEXT_HEIGHT = 0.1
"""Metres."""
SLOWEST = 0.05
"""Metres per second below which no velocity is drawn."""


def marker_array(tracks: Track3DArray) -> MarkerArray:
    """
    Return what RViz and Foxglove draw for the objects; only where ``INSTALLED``.

    The array replaces the one before: a box or dot for each object, its name, and an arrow that
    ends where the object will be in one second.
    """
    markers = [Marker(header=tracks.header, action=Marker.DELETEALL)]
    for track in tracks.tracks:
        if track.method != track.METHOD_NONE:
            markers += _markers(tracks.header, track)
    return MarkerArray(markers=markers)


def _markers(header: Header, track: Track3D) -> list[Marker]:
    predicted = track.method == track.METHOD_PREDICTED
    alpha = PREDICTED_ALPHA if predicted else BOX_ALPHA
    position = track.pose.pose.position
    if track.method == track.METHOD_DEPTH:
        body = _marker(header, 'boxes', track, Marker.CUBE, alpha)
        body.pose.position = track.box_center
        body.scale = track.box_size
    else:
        body = _marker(header, 'boxes', track, Marker.SPHERE, alpha)
        body.pose.position = position
        body.scale.x = body.scale.y = body.scale.z = DOT
    name = _marker(header, 'names', track, Marker.TEXT_VIEW_FACING, 1.0)
    name.pose.position = body.pose.position
    name.scale.z = TEXT_HEIGHT
    name.text = ' '.join(filter(None, (str(track.object_id), track.label)))
    markers = [body, name]
    speed = math.hypot(track.velocity.x, track.velocity.y, track.velocity.z)
    if speed > SLOWEST:
        arrow = _marker(header, 'velocities', track, Marker.ARROW, 1.0)
        end = type(position)(
            x=position.x + track.velocity.x,
            y=position.y + track.velocity.y,
            z=position.z + track.velocity.z,
        )
        arrow.points = [position, end]
        arrow.scale.x, arrow.scale.y = 0.02, 0.05
        markers.append(arrow)
    return markers


def _marker(header: Header, namespace: str, track: Track3D, kind: int, alpha: float) -> Marker:
    blue, green, red = (each / 255 for each in object_colour(track.object_id))
    marker = Marker(header=header, ns=namespace, id=track.object_id, type=kind)
    marker.action = Marker.ADD
    marker.pose.orientation.w = 1.0
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    marker.lifetime = duration_message(LIFETIME)
    return marker
