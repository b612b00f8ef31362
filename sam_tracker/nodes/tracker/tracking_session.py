# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a configured tracker node has: the tracker, its thread, and what goes in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
import time
from typing import TYPE_CHECKING, TypeVar

import torch

from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.nodes.tracker.live_tracker import LiveTracker, PromptAnswer, warm_up
from sam_tracker.nodes.tracker.network_setup import set_up_network, tracker_settings
from sam_tracker.nodes.tracker.track_output import TrackedFrame, TrackOutput
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.image_intake import ImageIntake
from sam_tracker.ros.camera.image_statistics import Drop, ImageStatistics
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.ros.messages.track_messages import STATE_NAMES
from sam_tracker.ros.process.service_answers import NotAnsweredError
from sam_tracker.ros.process.worker import Worker, WorkerStoppedError
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.tracking.tracker import Tracker

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.msg import Prompt
    from sam_tracker.ros.parameters.tracker import TrackerParameters

STOP_TIMEOUT = 30.0
"""Seconds the thread is given to finish the image it is at."""
LOG_PERIOD = 5.0
"""Seconds between two log lines about the same recurring trouble."""

Result = TypeVar('Result')


class TrackingSession:
    """
    From ``configure`` to ``cleanup``.

    ``receive`` and ``ask`` are for the threads of the executor; everything that touches the
    tracker is done by the session's own thread.
    """

    def __init__(self, node: LifecycleNode, parameters: TrackerParameters) -> None:
        """
        Load and warm up the network; takes seconds.

        Raises what ``set_up_network`` raises.
        """
        self._node = node
        self._log = node.get_logger()
        self.setup = set_up_network(parameters)
        settings = tracker_settings(parameters, self.setup.network.suited_settings)
        tracker = Tracker(self.setup.network, settings, self.setup.runtime)
        warm_up(tracker)
        self.buffer = ImageBuffer(parameters.buffer.seconds, parameters.buffer.megabytes)
        self.segmenter = ImageSegmenter(self.setup.network, self.setup.runtime)
        self.text_search = TextSearch(parameters.text.model, str(self.setup.device))
        self.intake = ImageIntake(self.buffer, self._log)
        self.error = ''
        """Why nothing is tracked although it should be; empty: nothing is wrong."""
        self.paused = False
        self._live = LiveTracker(tracker, self.buffer)
        self._output = TrackOutput(node)
        self._worker: Worker[ReceivedImage] | None = None

    # --- the life of it ---

    @property
    def running(self) -> bool:
        return self._worker is not None

    def start(self) -> None:
        self.error = ''
        self.intake.restart()
        self._worker = Worker(self._process, 'tracker')

    def stop(self) -> bool:
        """End the thread; objects are kept. Returns whether it ended in time."""
        worker, self._worker = self._worker, None
        self.buffer.clear()
        return worker is None or worker.stop(STOP_TIMEOUT)

    def close(self) -> None:
        """Give everything back; the session cannot be used any more."""
        self.stop()
        self.text_search.stop(STOP_TIMEOUT)
        self._output.destroy()
        if self.setup.device.type == 'cuda':
            torch.cuda.empty_cache()

    # --- images ---

    def receive(self, message: Image | CompressedImage) -> None:
        """Leave an image to the thread; never waits for it."""
        image = self.intake.receive(message)
        if image is None:
            return
        worker = self._worker
        if self.paused or worker is None:
            self.statistics.drop(Drop.PAUSED, image.arrival, image)
        elif (replaced := worker.offer(image)) is not None:
            self.statistics.drop(Drop.REPLACED, image.arrival, replaced)

    @property
    def statistics(self) -> ImageStatistics:
        return self.intake.statistics

    @property
    def newest(self) -> TrackedFrame | None:
        """The last processed image and its tracks."""
        return self._live.newest

    def object_states(self) -> dict[str, int]:
        newest = self.newest
        if newest is None:
            return {}
        return Counter(STATE_NAMES[int(track.state)] for track in newest.tracks)

    def _process(self, frame: ReceivedImage) -> None:
        newest = self._live.newest
        if newest is not None and not frame.is_after(newest.frame):
            # A prompt was quicker, and has brought the objects to this image or a newer one.
            if frame is not newest.frame:
                self.statistics.drop(Drop.REPLACED, time.monotonic_ns(), frame)
            return
        # The thread outlives whatever an image does to it: this is its outermost frame.
        try:
            tracked = self._live.step(frame)
            self._publish(tracked)
            self.error = ''
        except ImageError as error:
            self.statistics.drop(Drop.UNREADABLE, time.monotonic_ns(), frame)
            self._fail(f'an image cannot be read: {error}')
        except Exception as error:
            if not self._node.context.ok():
                return
            self.statistics.drop(Drop.FAILED, time.monotonic_ns(), frame)
            self._fail(f'an image could not be processed: {type(error).__name__}: {error}')

    def _fail(self, message: str) -> None:
        self.error = message
        self._log.error(message, throttle_duration_sec=LOG_PERIOD)

    def _publish(self, tracked: TrackedFrame) -> None:
        self._output.publish(tracked)
        frame = tracked.frame
        now = time.monotonic_ns()
        # The age of an image without a stamp counts from its arrival.
        age = now - frame.arrival
        if stamp := nanoseconds(frame.message.header.stamp):
            age = self._node.get_clock().now().nanoseconds - stamp
        self.statistics.process(frame, now, age, tracked.tracking_time)

    # --- commands ---

    def submit(self, command: Callable[[], Result]) -> Future[Result]:
        """Have a command done between two images; raises as ``Worker.submit`` does."""
        return self._running_worker().submit(command)

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """Have long work done a slice at a time; raises as ``Worker.submit_slices`` does."""
        return self._running_worker().submit_slices(generator)

    def _running_worker(self) -> Worker[ReceivedImage]:
        worker = self._worker
        if worker is None:
            raise WorkerStoppedError('the tracker is not running')
        return worker

    def ask(self, command: Callable[[], Result], timeout: float) -> Result:
        """
        Have a command done and wait for its result.

        :param timeout: seconds.

        Raises what the command raises, and ``NotAnsweredError`` after the timeout.
        """
        future = self.submit(command)
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            if future.done():
                raise
        if future.cancel():
            raise NotAnsweredError(
                f'the tracker did not get to it within {timeout:g} s: nothing was changed'
            )
        raise NotAnsweredError(
            f'the tracker is still at it after {timeout:g} s: it will take effect later'
        )

    def prompt(self, message: Prompt, catch_up_frames: int) -> PromptAnswer:
        """
        Apply a prompt; a command for ``ask``.

        Raises ``PromptError``, ``ImageNotFoundError`` or ``ImageError``: nothing has changed then,
        except that all objects may have been brought to the newest image.
        """
        frame = self.buffer.requested(message.header)
        newest = self._live.newest
        stepped = newest is None or frame.is_after(newest.frame)
        if stepped:
            # Everybody is brought to the image first, so that all objects stand on one.
            if self._worker is not None:
                self._worker.withdraw(frame)
            self._live.step(frame)
        try:
            return self._live.prompt(message, frame, catch_up_frames)
        finally:
            if stepped and self._live.newest is not None:
                # Once for this image, with the new object if there is one.
                self._publish(self._live.newest)

    def remove(self, object_id: int) -> None:
        """Forget an object; a command for ``ask``. Raises ``PromptError`` for an unknown id."""
        self._live.remove(object_id)

    def reset(self) -> int:
        """Forget all objects; a command for ``ask``. Returns how many there were."""
        return self._live.reset()
