# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The publishers of the localizer node."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sensor_msgs.msg import PointCloud2

from sam_tracker.msg import Track3DArray
from sam_tracker.ros.camera.quality_of_service import RESULTS
from sam_tracker.ros.messages import detections_3d, markers
from sam_tracker.ros.messages.places import point_cloud, track_3d_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.lifecycle import LifecyclePublisher
    from std_msgs.msg import Header

    from sam_tracker.ros.messages.places import PlacedObject
    from sam_tracker.ros.process.managed_node import ManagedNode


class LocalizerOutput:
    """Publishes places in every form that has subscribers; others are not computed."""

    def __init__(self, node: ManagedNode) -> None:
        self._detections: LifecyclePublisher | None = None
        self._markers: LifecyclePublisher | None = None
        missing = []
        with ExitStack() as undo:

            def create(kind: type, topic: str) -> LifecyclePublisher:
                publisher = node.create_lifecycle_publisher(kind, topic, RESULTS)
                undo.callback(node.destroy_lifecycle_publisher, publisher)
                return publisher

            self._tracks = create(Track3DArray, '~/tracks_3d')
            self._points = create(PointCloud2, '~/points')
            if detections_3d.INSTALLED:
                self._detections = create(detections_3d.Detection3DArray, '~/detections')
            else:
                missing.append('vision_msgs (~/detections)')
            if markers.INSTALLED:
                self._markers = create(markers.MarkerArray, '~/markers')
            else:
                missing.append('visualization_msgs (~/markers)')
            self._undo = undo.pop_all()
        if missing:
            node.get_logger().info(f'not installed, so not published: {", ".join(missing)}')

    @property
    def wanted(self) -> bool:
        """Whether any output has a subscriber."""
        return any(map(_wanted, (self._tracks, self._points, self._detections, self._markers)))

    def publish(
        self, header: Header, placed: Sequence[PlacedObject], depth_offset: int | None
    ) -> None:
        """
        Publish the places of one image.

        :param header: of the image, with the frame of the coordinates.
        :param depth_offset: as for ``track_3d_array``.
        """
        message = track_3d_array(header, placed, depth_offset)
        if _wanted(self._tracks):
            self._tracks.publish(message)
        if self._detections is not None and _wanted(self._detections):
            self._detections.publish(detections_3d.detection_3d_array(message))
        if self._markers is not None and _wanted(self._markers):
            self._markers.publish(markers.marker_array(message))
        if _wanted(self._points):
            self._points.publish(point_cloud(header, [each.place for each in placed]))

    def destroy(self) -> None:
        self._undo.close()


def _wanted(publisher: LifecyclePublisher | None) -> bool:
    return publisher is not None and publisher.get_subscription_count() > 0
