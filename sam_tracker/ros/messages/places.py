# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of places to messages of this package and to a point cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geometry_msgs.msg import Point, Vector3
import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

from sam_tracker.core.boxes import Region
from sam_tracker.localization.localizer import SeenObject
from sam_tracker.msg import Track3D, Track3DArray
from sam_tracker.ros.messages.stamps import duration_message

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from std_msgs.msg import Header

    from sam_tracker.localization.place import Place
    from sam_tracker.recording.frame import RecordedTrack

POINT = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('object_id', '<u4')])
FIELDS = [
    PointField(name=name, offset=4 * place, count=1, datatype=datatype)
    for place, (name, datatype) in enumerate(
        [*((axis, PointField.FLOAT32) for axis in 'xyz'), ('object_id', PointField.UINT32)]
    )
]


@dataclass(frozen=True, eq=False)
class PlacedObject:
    """A place, and id, label and state of its object."""

    place: Place
    label: str
    state: int
    """One of the STATE_ constants of Track."""


def seen_object(track: RecordedTrack) -> SeenObject:
    """Return a track as the localizer takes it; the mask is a view of the message's memory."""
    expected = track.state in {'tracked', 'occluded'}
    if track.state != 'tracked' or track.mask is None:
        return SeenObject(track.object_id, expected)
    height, width = track.mask.shape
    return SeenObject(
        track.object_id, expected, Region(*track.mask_origin, width, height), track.mask
    )


def track_3d_array(
    header: Header, placed: Sequence[PlacedObject], depth_offset: int | None
) -> Track3DArray:
    """
    Convert the places of one image to a message.

    :param header: of the image, with the frame of the coordinates.
    :param depth_offset: nanoseconds from the stamp of the image to that of the depth image; None:
        there was no depth image.
    """
    message = Track3DArray(header=header, tracks=[_track_3d(each) for each in placed])
    message.has_depth = depth_offset is not None
    message.depth_offset = duration_message(depth_offset or 0)
    return message


def _track_3d(placed: PlacedObject) -> Track3D:
    place = placed.place
    message = Track3D(
        object_id=place.object_id,
        label=placed.label,
        state=placed.state,
        method=int(place.method),
    )
    if place.direction is not None:
        message.direction = vector_message(place.direction)
    if place.position is not None and place.covariance is not None:
        message.pose.pose.position = point_message(place.position)
        covariance = np.zeros((6, 6))
        covariance[:3, :3] = place.covariance
        message.pose.covariance = covariance.reshape(-1)
    else:
        message.pose.pose.orientation.w = 0.0
    if place.velocity is not None and place.velocity_covariance is not None:
        message.velocity = vector_message(place.velocity)
        message.velocity_covariance = place.velocity_covariance.reshape(-1)
    if place.measurement is not None:
        message.depth_share = place.measurement.depth_share
        if (box := place.measurement.box) is not None:
            message.box_center, message.box_size = point_message(box[0]), vector_message(box[1])
    return message


def point_cloud(header: Header, places: Sequence[Place]) -> PointCloud2:
    """
    Return the points of all visible surfaces, with a field ``object_id``.

    :param header: with the frame of the points.
    """
    parts = [_points(each) for each in places]
    points = np.concatenate(parts) if parts else np.zeros(0, POINT)
    message = PointCloud2(header=header, height=1, width=len(points), is_dense=True, fields=FIELDS)
    message.point_step = POINT.itemsize
    message.row_step = POINT.itemsize * len(points)
    if len(points):
        message.data.frombytes(points.data.cast('B'))
    return message


def point_message(vector: NDArray[np.float64]) -> Point:
    x, y, z = vector.tolist()
    return Point(x=x, y=y, z=z)


def vector_message(vector: NDArray[np.float64]) -> Vector3:
    x, y, z = vector.tolist()
    return Vector3(x=x, y=y, z=z)


def _points(place: Place) -> NDArray[np.void]:
    found = np.zeros((0, 3)) if place.measurement is None else place.measurement.points
    points = np.empty(len(found), POINT)
    for axis, name in enumerate('xyz'):
        points[name] = found[:, axis]
    points['object_id'] = place.object_id
    return points
