# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a configured tracker node has: the tracker, its thread, and what goes in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
import math
import time
from typing import TYPE_CHECKING, TypeVar

import torch

from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.nodes.tracker.live_tracker import LiveTracker, PromptAnswer, warm_up
from sam_tracker.nodes.tracker.network_setup import set_up_network, tracker_settings
from sam_tracker.nodes.tracker.track_output import TrackedFrame, TrackOutput
from sam_tracker.ros.camera.frame_buffer import Frame, FrameBuffer
from sam_tracker.ros.camera.frame_order import FrameOrder, Order
from sam_tracker.ros.camera.frame_statistics import Drop, FrameStatistics
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
        settings = tracker_settings(parameters, self.setup.model)
        tracker = Tracker(self.setup.network, settings, self.setup.runtime)
        warm_up(tracker)
        self.buffer = FrameBuffer(
            parameters.frame_buffer_seconds, parameters.frame_buffer_megabytes
        )
        self.segmenter = ImageSegmenter(self.setup.network, self.setup.runtime)
        self.text_search = TextSearch(parameters.text_model, str(self.setup.device))
        self.statistics = FrameStatistics(time.monotonic_ns())
        self.error = ''
        """Why nothing is tracked although it should be; empty: nothing is wrong."""
        self.paused = False
        self._live = LiveTracker(tracker, self.buffer)
        self._output = TrackOutput(node)
        self._order = FrameOrder()
        self._last_jump = -math.inf
        self._worker: Worker[Frame] | None = None

    # --- the life of it ---

    @property
    def running(self) -> bool:
        return self._worker is not None

    def start(self) -> None:
        self.error = ''
        self.statistics = FrameStatistics(time.monotonic_ns())
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
        arrival = time.monotonic_ns()
        self.statistics.receive(arrival)
        # A publisher that does not stamp its images gets the time of their arrival.
        stamp = nanoseconds(message.header.stamp) or self._node.get_clock().now().nanoseconds
        order = self._order.judge(stamp)
        if order is Order.REPEATED:
            self.statistics.drop(Drop.REPEATED)
            return
        if order is Order.LATE:
            self.statistics.drop(Drop.OUT_OF_ORDER)
            return
        if order is Order.JUMPED_BACK:
            self._log.warning(
                'stamps have jumped back: objects are kept, their motion starts anew'
            )
            self._last_jump = time.monotonic()
            self.buffer.clear()
        frame = Frame(message, stamp, arrival, self._order.jumps)
        self.buffer.add(frame)
        worker = self._worker
        if self.paused or worker is None:
            self.statistics.drop(Drop.PAUSED)
        elif worker.offer(frame) is not None:
            self.statistics.drop(Drop.REPLACED)

    def miss(self, count: int) -> None:
        """Count images that were published and never received."""
        self.statistics.drop(Drop.NOT_TAKEN, count)

    @property
    def newest(self) -> TrackedFrame | None:
        """The last processed image and its tracks."""
        return self._live.newest

    @property
    def clock_jumps(self) -> int:
        """How often the stamps of images have jumped back."""
        return self._order.jumps

    @property
    def seconds_since_clock_jump(self) -> float:
        return time.monotonic() - self._last_jump

    def object_states(self) -> dict[str, int]:
        newest = self.newest
        if newest is None:
            return {}
        return Counter(STATE_NAMES[int(track.state)] for track in newest.tracks)

    def _process(self, frame: Frame) -> None:
        newest = self._live.newest
        if newest is not None and not frame.is_after(newest.frame):
            # A prompt was quicker, and has brought the objects to this image or a newer one.
            if frame is not newest.frame:
                self.statistics.drop(Drop.REPLACED)
            return
        # The thread outlives whatever an image does to it: this is its outermost frame.
        try:
            tracked = self._live.step(frame)
            self._publish(tracked)
            self.error = ''
        except ImageError as error:
            self.statistics.drop(Drop.UNREADABLE)
            self._fail(f'an image cannot be read: {error}')
        except Exception as error:
            if not self._node.context.ok():
                return
            self.statistics.drop(Drop.FAILED)
            self._fail(f'an image could not be processed: {type(error).__name__}: {error}')

    def _fail(self, message: str) -> None:
        self.error = message
        self._log.error(message, throttle_duration_sec=LOG_PERIOD)

    def _publish(self, tracked: TrackedFrame) -> None:
        self._output.publish(tracked)
        frame = tracked.frame
        age = self._node.get_clock().now().nanoseconds - frame.stamp
        self.statistics.publish(time.monotonic_ns(), frame.arrival, age, tracked.tracking_time)

    # --- commands ---

    def submit(self, command: Callable[[], Result]) -> Future[Result]:
        """Have a command done between two images; raises as ``Worker.submit`` does."""
        return self._running_worker().submit(command)

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """Have long work done a slice at a time; raises as ``Worker.submit_slices`` does."""
        return self._running_worker().submit_slices(generator)

    def _running_worker(self) -> Worker[Frame]:
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

        Raises ``PromptError``, ``FrameNotFoundError`` or ``ImageError``: nothing has changed then,
        except that all objects may have been brought to the newest image.
        """
        frame = self.buffer.meant_by(message.header)
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
