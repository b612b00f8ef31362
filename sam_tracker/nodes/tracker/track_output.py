# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The publishers of the tracker node, on threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
import threading
import time
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import cv2
import numpy as np
from sensor_msgs.msg import Image

from sam_tracker.msg import TrackArray, TrackEvent
from sam_tracker.rendering import draw_tracks
from sam_tracker.ros.camera.quality_of_service import (
    EVENTS,
    PICTURE_OVERRIDES,
    PICTURES,
    RESULTS,
)
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages import detections, image_annotations
from sam_tracker.ros.messages.stamps import duration_message
from sam_tracker.ros.messages.track_messages import (
    drawn_track,
    event_message,
    label_image,
    track_array,
)
from sam_tracker.ros.process.worker import Worker, WorkerBusyError, WorkerStoppedError
from sam_tracker.tracking.events import events_between

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecyclePublisher

    from sam_tracker.core.run_length import MaskEncoding
    from sam_tracker.nodes.tracker.tracked_image import TrackedImage
    from sam_tracker.ros.process.managed_node import ManagedNode
    from sam_tracker.tracking.track import Track

MOST_WAITING = 1
"""
Images that are tracked and not published yet; then the tracker waits, and nothing is lost.

So one image is tracked while another one is published; in a queue tracks would only grow old.
"""

Result = TypeVar('Result')
Observer: TypeAlias = 'Callable[[TrackedImage], None]'
"""Called for every published image, in order and by the publishing thread; must be quick."""


class TrackOutput:
    """
    Publishes tracked images; headers are copied from the image.

    Tracks and events are published for every image and in order by one thread. Label images,
    overlays and annotations are rendered by another, for the newest image only, so that they delay
    neither the tracker nor the tracks. Nothing but events is made for a topic without subscribers;
    masks of the image's size are first computed here.
    """

    def __init__(
        self,
        node: ManagedNode,
        mask_encoding: MaskEncoding = 'bytes',
        observers: Sequence[Observer] = (),
    ) -> None:
        """
        Create the publishers; ``start`` starts the threads.

        :param observers: called when the tracks of an image have been published.
        """
        self._node = node
        self.mask_encoding = mask_encoding
        self._observers = observers
        self._reported: tuple[Track, ...] = ()
        """The tracks up to which events are published."""
        self._detections: LifecyclePublisher | None = None
        self._annotations: LifecyclePublisher | None = None
        self._publisher: Worker[None] | None = None
        self._renderer: Worker[TrackedImage] | None = None
        self._places = threading.BoundedSemaphore(MOST_WAITING)
        with ExitStack() as undo:

            def create(
                kind: type, topic: str, quality: object, **options: object
            ) -> LifecyclePublisher:
                publisher = node.create_lifecycle_publisher(kind, topic, quality, **options)
                undo.callback(node.destroy_lifecycle_publisher, publisher)
                return publisher

            self._tracks = create(TrackArray, '~/tracks', RESULTS)
            self._events = create(TrackEvent, '~/events', EVENTS)
            overrides = {'qos_overriding_options': PICTURE_OVERRIDES}
            self._label_image = create(Image, '~/label_image', PICTURES, **overrides)
            self._overlay = create(Image, '~/overlay', PICTURES, **overrides)
            if detections.INSTALLED:
                self._detections = create(detections.Detection2DArray, '~/detections', RESULTS)
            else:
                node.get_logger().info(
                    'vision_msgs is not installed: ~/detections is not published (~/tracks is)'
                )
            if image_annotations.INSTALLED:
                self._annotations = create(
                    image_annotations.ImageAnnotations, '~/annotations', PICTURES
                )
            self._undo = undo.pop_all()

    def start(self) -> None:
        self._publisher = Worker(_nothing, 'publisher')
        self._renderer = Worker(self._render, 'renderer')

    def stop(self, timeout: float) -> bool:
        """
        Publish what waits, and end the threads.

        :param timeout: seconds for each of them.
        :returns: whether they have ended.
        """
        publisher, renderer = self._publisher, self._renderer
        if publisher is None or renderer is None:
            return True
        drained = threading.Event()
        with suppress(WorkerBusyError, WorkerStoppedError):
            publisher.submit(drained.set)
            drained.wait(timeout)
        if not (publisher.stop(timeout) and renderer.stop(timeout)):
            return False
        self._publisher = self._renderer = None
        return True

    def destroy(self) -> None:
        """Destroy the publishers; the threads must have ended."""
        self._undo.close()

    @property
    def wanted(self) -> bool:
        """Whether any output has a subscriber."""
        return self._drawn or any(
            each is not None and each.get_subscription_count()
            for each in (self._tracks, self._detections)
        )

    @property
    def _drawn(self) -> bool:
        """Whether anything that is rendered has a subscriber."""
        pictures = (self._label_image, self._overlay, self._annotations)
        return any(each is not None and each.get_subscription_count() for each in pictures)

    def publish(self, tracked: TrackedImage) -> Future[None]:
        """
        Queue an image for publication.

        Waits while ``MOST_WAITING`` images are not published yet.

        :returns: done when its tracks are published.
        :raises WorkerStoppedError: after ``stop``.
        """
        self._places.acquire()
        try:
            future = self.submit(lambda: self._publish(tracked))
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return future

    def submit(self, command: Callable[[], Result]) -> Future[Result]:
        """
        Run a command on the publishing thread, which may compute masks.

        :raises WorkerStoppedError: after ``stop``.
        :raises WorkerBusyError: too many commands wait.
        """
        if self._publisher is None:
            raise WorkerStoppedError('the publisher is not running')
        return self._publisher.submit(command)

    def message(self, tracked: TrackedImage, *, masks: bool) -> TrackArray:
        """Return the tracks as a message; to be called on the publishing thread."""
        header = tracked.image.message.header
        encoding = self.mask_encoding if masks else None
        return track_array(header, *_size(tracked), tracked.tracks, masks=encoding)

    def _publish(self, tracked: TrackedImage) -> None:
        masks = self._tracks.get_subscription_count() > 0
        boxes = self._detections is not None and self._detections.get_subscription_count() > 0
        if masks or boxes:
            message = self.message(tracked, masks=masks)
            latency = time.monotonic_ns() - tracked.image.arrival
            message.processing_latency = duration_message(latency)
            if masks:
                self._tracks.publish(message)
            if boxes and self._detections is not None:
                self._detections.publish(detections.detection_array(message))
        for event in events_between(self._reported, tracked.tracks):
            self._events.publish(event_message(tracked.image.message.header, event))
        self._reported = tracked.tracks
        self._observe(tracked)
        if self._renderer is not None and self._drawn:
            self._renderer.offer(tracked)

    def _observe(self, tracked: TrackedImage) -> None:
        for observer in self._observers:
            try:
                observer(tracked)
            except Exception as error:  # noqa: PERF203 -- few
                # The tracks are published, and the other observers have done nothing wrong.
                if self._node.context.ok():
                    self._node.errors.report('an observer of the tracks failed', error)

    def _render(self, tracked: TrackedImage) -> None:
        try:
            header, (width, height) = tracked.image.message.header, _size(tracked)
            if self._label_image.get_subscription_count():
                labels = label_image(tracked.tracks, width, height)
                self._label_image.publish(image_message(labels, 'mono16', header))
            if self._annotations is not None and self._annotations.get_subscription_count():
                drawn = [drawn_track(track) for track in tracked.tracks]
                self._annotations.publish(image_annotations.annotations_of(header, drawn))
            if self._overlay.get_subscription_count():
                picture = np.asarray(cv2.cvtColor(tracked.pixels, cv2.COLOR_RGB2BGR), np.uint8)
                draw_tracks(picture, [drawn_track(track) for track in tracked.tracks])
                self._overlay.publish(image_message(picture, 'bgr8', header))
        except Exception as error:
            # The thread goes on with the next image.
            if self._node.context.ok():
                self._node.errors.report('an image could not be rendered', error)


def _size(tracked: TrackedImage) -> tuple[int, int]:
    height, width = tracked.pixels.shape[:2]
    return width, height


def _nothing(_: None) -> None:
    """There are no items for this thread, only commands."""
