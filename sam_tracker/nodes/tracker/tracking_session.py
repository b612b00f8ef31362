# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""State of a configured tracker node: the tracker, its thread, inputs and outputs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
import time
from typing import TYPE_CHECKING, TypeVar

from sam_tracker.core.frame import Frame
from sam_tracker.nodes.camera_node import STOP_TIMEOUT
from sam_tracker.nodes.network_setup import tracker_settings, warm_up
from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.nodes.tracker.camera_motion import camera_motion_source
from sam_tracker.nodes.tracker.object_store import ObjectStore
from sam_tracker.nodes.tracker.track_output import TrackOutput
from sam_tracker.nodes.tracker.tracked_image import TrackedImage
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.image_intake import ImageIntake
from sam_tracker.ros.camera.image_statistics import Drop
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.messages.prompt_messages import only_names, prompt_of_message
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.ros.messages.track_messages import STATE_NAMES
from sam_tracker.ros.process.error_log import describe
from sam_tracker.ros.process.worker import Worker, WorkerStoppedError
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.tracking.track import seen_boxes
from sam_tracker.tracking.tracker import Tracker

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.msg import Prompt
    from sam_tracker.networks.api import VideoNetwork
    from sam_tracker.nodes.network_setup import NetworkSetup
    from sam_tracker.nodes.tracker.track_output import Observer
    from sam_tracker.ros.camera.received_image import ReceivedImage
    from sam_tracker.ros.parameters.tracker import TrackerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode
    from sam_tracker.tracking.track import Track

LOG_PERIOD = 5.0
"""Seconds between two log lines about the same recurring problem."""

Result = TypeVar('Result')


@dataclass(frozen=True, eq=False)
class PromptAnswer:
    """The result of a prompt."""

    track: Track
    """The object on the newest image."""
    tracked: TrackedImage
    """The newest image."""
    prompted_stamp: int
    """Nanoseconds: the image that the prompt was made on."""


class TrackingSession:
    """
    State of a tracker node between ``configure`` and ``cleanup``.

    ``receive`` belongs to the thread of the image callback; ``submit``, ``submit_slices`` and
    ``change`` may be called by any. All else that touches the tracker runs on the session's own
    thread, or on the caller's while the session is not running. All objects are on one image at
    any time, ``newest``.
    """

    def __init__(
        self,
        node: ManagedNode,
        setup: NetworkSetup[VideoNetwork],
        parameters: TrackerParameters,
        observers: Sequence[Observer] = (),
    ) -> None:
        """
        Prepare a network for tracking, which takes seconds; ``start`` begins.

        Nothing is left behind when something is raised.

        :param node: publishes the tracks.
        :param setup: the network; several sessions may share one.
        :param observers: see ``TrackOutput``.
        """
        self._node = node
        self.setup = setup
        settings = tracker_settings(parameters, setup.network.suited_settings)
        self._tracker = Tracker(setup.network, settings, setup.runtime)
        warm_up(self._tracker, setup)
        self.buffer = ImageBuffer(parameters.buffer.seconds, parameters.buffer.megabytes)
        self.intake = ImageIntake(self.buffer, node.get_logger(), parameters.camera_range())
        self.segmenter = ImageSegmenter(setup.network, setup.runtime)
        self.error = ''
        """Why nothing is tracked although it should be; empty: nothing is wrong."""
        self.paused = False
        self.newest: TrackedImage | None = None
        """The image that all objects are on; None before the first."""
        self._worker: Worker[ReceivedImage] | None = None
        self._changed: deque[TrackerParameters] = deque(maxlen=1)
        """Parameters that the tracker has not adopted yet."""
        self._saved = ObjectStore(parameters.saved_objects, node.get_logger())
        with ExitStack() as undo:
            undo.callback(self._saved.close)
            self.text_search = TextSearch(parameters.text.model, str(setup.device))
            undo.callback(self.text_search.stop, STOP_TIMEOUT)
            self._camera_motion = camera_motion_source(node, parameters.camera_motion)
            if self._camera_motion is not None:
                undo.callback(self._camera_motion.close)
            self.output = TrackOutput(node, parameters.mask_encoding, observers)
            undo.pop_all()

    # --- lifecycle ---

    @property
    def running(self) -> bool:
        return self._worker is not None

    def start(self) -> None:
        self.error = ''
        self.intake.restart()
        self.output.start()
        self._worker = Worker(self._process, 'tracker')

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """
        End the threads of images; objects are kept.

        :param timeout: seconds for each thread.
        :returns: whether they have ended.
        """
        worker, self._worker = self._worker, None
        self.buffer.clear()
        ended = worker is None or worker.stop(timeout)
        # Before the publishers end: at the end of the program there is not much time.
        if worker is not None and self.newest is not None:
            self._saved.save(self.newest.tracks)
        return self.output.stop(timeout) and ended

    def close(self, timeout: float = STOP_TIMEOUT) -> None:
        """
        End all threads and destroy the publishers; the session cannot be used any more.

        :param timeout: seconds for each thread.
        """
        self.stop(timeout)
        self._saved.close()
        self.text_search.stop(timeout)
        if self._camera_motion is not None:
            self._camera_motion.close()
        # A thread that hangs while it publishes must keep its publisher.
        if self.output.stop(0.0):
            self.output.destroy()

    # --- images ---

    def receive(self, message: Image | CompressedImage) -> None:
        """Hand an image to the thread; never waits for it."""
        image = self.intake.receive(message)
        if image is None:
            return
        worker = self._worker
        if self.paused or worker is None:
            self.intake.statistics.drop(Drop.PAUSED, image.arrival, image)
        elif (replaced := worker.offer(image)) is not None:
            self.intake.statistics.drop(Drop.REPLACED, image.arrival, replaced)

    def change(self, parameters: TrackerParameters) -> None:
        """Use these parameters from the next image or prompt on; never waits."""
        self._changed.append(parameters)

    def _adopt_changes(self) -> None:
        with suppress(IndexError):
            parameters = self._changed.pop()
            self._tracker.change(tracker_settings(parameters, self.setup.network.suited_settings))

    def object_states(self) -> dict[str, int]:
        """Return the number of objects by state, as in ``STATE_NAMES``."""
        newest = self.newest
        if newest is None:
            return {}
        return Counter(STATE_NAMES[int(track.state)] for track in newest.tracks)

    def step(self, image: ReceivedImage) -> TrackedImage:
        """
        Propagate all objects to an image; on the first one, restore those that were saved.

        Without objects and subscribers the image is not even decoded.

        :raises ImageError: it cannot be read; nothing has changed then.
        """
        self._adopt_changes()
        tracked = TrackedImage(image)
        if self._tracker.objects:
            frame = tracked.frame
            start = time.monotonic_ns()
            tracks = self._tracker.step(self._with_camera_motion(frame))
            tracked = tracked.with_tracks(tracks, time.monotonic_ns() - start)
        elif self.output.wanted:
            _ = tracked.pixels
        if self._saved.waiting:
            self._saved.restore(self._tracker, tracked.frame)
            tracked = tracked.with_tracks(self._tracker.objects)
        self.newest = tracked
        return tracked

    def _with_camera_motion(self, frame: Frame) -> Frame:
        """Return a frame with the camera's motion since the newest image, where it is known."""
        source, newest = self._camera_motion, self.newest
        if source is None or newest is None:
            return frame
        try:
            motion = source.between(newest.frame, frame, seen_boxes(newest.tracks))
        except Exception as error:
            # Tracking does without it.
            self._node.errors.report("the camera's motion could not be measured", error)
            return frame
        return replace(frame, camera_motion=motion)

    def _process(self, image: ReceivedImage) -> None:
        newest = self.newest
        if newest is not None and not image.is_after(newest.image):
            # A prompt was quicker, and has brought the objects to this image or a newer one.
            if image is not newest.image:
                self.intake.statistics.drop(Drop.REPLACED, time.monotonic_ns(), image)
            return
        # The outermost call of the thread: no image may end it.
        try:
            self._publish(self.step(image))
            self.error = ''
            self._verify()
        except ImageError as error:
            self.intake.statistics.drop(Drop.UNREADABLE, time.monotonic_ns(), image)
            self.error = f'an image cannot be read: {error}'
            self._node.get_logger().error(self.error, throttle_duration_sec=LOG_PERIOD)
        except Exception as error:
            self._fail(image, error)

    def _verify(self) -> None:
        """Verify a doubtful mask while the tracks of its image are being published."""
        try:
            self._tracker.verify()
        except Exception as error:
            # Tracking does without it.
            self._node.errors.report('a doubtful mask could not be verified', error)

    def _publish(self, tracked: TrackedImage) -> None:
        """Publish an image, perhaps again with other objects; it is counted once."""
        self.output.publish(tracked).add_done_callback(partial(self._count, tracked))

    def _count(self, tracked: TrackedImage, published: Future[None]) -> None:
        image = tracked.image
        if (error := published.exception()) is not None:
            self._fail(image, error)
            return
        now = time.monotonic_ns()
        # The age of an image without a stamp counts from its arrival.
        age = now - image.arrival
        if stamp := nanoseconds(image.message.header.stamp):
            age = self._node.get_clock().now().nanoseconds - stamp
        self.intake.statistics.process(image, now, age, tracked.tracking_time)
        if self._saved.due:
            self._saved.save(tracked.tracks)

    def _fail(self, image: ReceivedImage, error: BaseException) -> None:
        self.intake.statistics.drop(Drop.FAILED, time.monotonic_ns(), image)
        # While the node is stopped or ROS shut down, errors are to be expected.
        if self._node.context.ok() and not isinstance(error, WorkerStoppedError):
            self.error = f'an image could not be processed: {describe(error)}'
            self._node.errors.report('an image could not be processed', error)

    # --- commands ---

    def submit(self, command: Callable[[], Result], *, urgent: bool = False) -> Future[Result]:
        """Run a command between two images; see ``Worker.submit``."""
        return self._running_worker().submit(command, urgent=urgent)

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """Run long work a slice at a time; see ``Worker.submit_slices``."""
        return self._running_worker().submit_slices(generator)

    def _running_worker(self) -> Worker[ReceivedImage]:
        worker = self._worker
        if worker is None:
            raise WorkerStoppedError('the tracker is not running')
        return worker

    def prompt(self, message: Prompt, catch_up_frames: int) -> PromptAnswer:
        """
        Apply a prompt to the image it was made on, and publish the result.

        Its object is propagated to the newest image, which is published with it. A prompt with an
        object id, a label and nothing else renames the object.

        :param catch_up_frames: images between the two to propagate through, at most.
        :raises PromptError: the prompt does not fit the image or the objects.
        :raises ImageNotFoundError: its image is not kept.
        :raises ImageError: its image cannot be read.

        Nothing has changed then, except that all objects may be on a newer image.
        """
        self._adopt_changes()
        if self.newest is not None and only_names(message):
            return self._rename(message, self.newest)
        image = self.buffer.requested(message.header)
        if self.newest is None or image.is_after(self.newest.image):
            # All objects first, so that all are on one image.
            if self._worker is not None:
                self._worker.withdraw(image)
            stepped = self.step(image)
            try:
                answer = self._apply(message, image, stepped, catch_up_frames)
            except BaseException:
                self._publish(stepped)
                raise
        else:
            answer = self._apply(message, image, self.newest, catch_up_frames)
        self._publish(answer.tracked)
        return answer

    def _rename(self, message: Prompt, newest: TrackedImage) -> PromptAnswer:
        track = self._tracker.rename(message.object_id, message.label)
        self._show_objects()
        return PromptAnswer(track, self.newest or newest, newest.image.stamp)

    def _apply(
        self, message: Prompt, image: ReceivedImage, newest: TrackedImage, catch_up_frames: int
    ) -> PromptAnswer:
        if image is newest.image:
            frame = newest.frame
            later: Iterator[Frame] = iter(())
        else:
            frame = TrackedImage(image).frame
            between = self.buffer.between(image.stamp, newest.image.stamp, catch_up_frames)
            later = chain(_readable(between[:-1]), [newest.frame])
        start = time.monotonic_ns()
        track = self._tracker.add_prompt(
            frame,
            prompt_of_message(message, frame.width, frame.height),
            object_id=message.object_id or None,
            label=message.label,
            later=later,
        )
        tracking_time = time.monotonic_ns() - start
        self.newest = newest.with_tracks(self._tracker.objects, tracking_time)
        return PromptAnswer(track, self.newest, image.stamp)

    def remove(self, object_id: int) -> None:
        """
        Forget an object, and publish the newest image without it.

        :raises PromptError: there is no object of this id.
        """
        self._tracker.remove(object_id)
        self._show_objects()

    def reset(self) -> int:
        """Forget all objects, publish the newest image without them, return their number."""
        count = len(self._tracker.objects)
        self._tracker.reset()
        self._show_objects()
        return count

    def _show_objects(self) -> None:
        if self.newest is not None:
            self.newest = self.newest.with_tracks(self._tracker.objects)
            self._publish(self.newest)


def _readable(images: Sequence[ReceivedImage]) -> Iterator[Frame]:
    """Decode one image at a time; leave out those that cannot be read, as when they came."""
    for image in images:
        with suppress(ImageError):
            yield Frame(image.rgb(), image.stamp)
