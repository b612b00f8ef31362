# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The publishers of the tracker node; what is heavy is made only for those who listen."""

from __future__ import annotations

from dataclasses import dataclass
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from sam_tracker.msg import TrackArray
from sam_tracker.rendering import draw_tracks
from sam_tracker.ros.camera.quality_of_service import PICTURES, RESULTS
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages import detections
from sam_tracker.ros.messages.stamps import duration_message
from sam_tracker.ros.messages.track_messages import drawn_track, label_image, track_array

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode, LifecyclePublisher

    from sam_tracker.tracking.track import Track


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """An image and what is known of the objects on it."""

    frame: ReceivedImage
    pixels: NDArray[np.uint8]
    """[H, W, 3] RGB, perhaps a view of the message."""
    tracks: list[Track]
    tracking_time: int = 0
    """Nanoseconds that the tracker worked on it."""

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]


class TrackOutput:
    """Publishes tracked frames; every message has the very header of the image."""

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        create = node.create_lifecycle_publisher
        self._tracks = create(TrackArray, '~/tracks', RESULTS)
        self._label_image = create(Image, '~/label_image', PICTURES)
        self._overlay = create(Image, '~/overlay', PICTURES)
        self._detections: LifecyclePublisher | None = None
        if detections.INSTALLED:
            self._detections = create(detections.Detection2DArray, '~/detections', RESULTS)
        else:
            node.get_logger().info(
                'vision_msgs is not installed: ~/detections is not published (~/tracks is)'
            )

    def destroy(self) -> None:
        for publisher in (self._tracks, self._label_image, self._overlay, self._detections):
            if publisher is not None:
                self._node.destroy_lifecycle_publisher(publisher)

    def publish(self, tracked: TrackedFrame) -> TrackArray:
        """Publish, small messages first, and return the tracks as they were published."""
        frame, tracks = tracked.frame, tracked.tracks
        header = frame.message.header
        message = track_array(header, tracked.width, tracked.height, tracks)
        latency = time.monotonic_ns() - frame.arrival
        message.processing_latency = duration_message(latency)
        self._tracks.publish(message)
        if self._detections is not None and self._detections.get_subscription_count():
            self._detections.publish(detections.detection_array(message))
        if self._label_image.get_subscription_count():
            labels = label_image(tracks, tracked.width, tracked.height)
            self._label_image.publish(image_message(labels, 'mono16', header))
        if self._overlay.get_subscription_count():
            picture = np.asarray(cv2.cvtColor(tracked.pixels, cv2.COLOR_RGB2BGR), np.uint8)
            draw_tracks(picture, [drawn_track(track) for track in tracks])
            self._overlay.publish(image_message(picture, 'bgr8', header))
        return message
