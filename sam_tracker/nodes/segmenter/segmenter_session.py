# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""State of a configured segmenter node: a network, its thread, and the last images."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from sam_tracker.nodes.camera_node import STOP_TIMEOUT
from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.image_intake import ImageIntake
from sam_tracker.ros.process.worker import Worker, WorkerStoppedError
from sam_tracker.segmentation.image_segmenter import ImageSegmenter

if TYPE_CHECKING:
    from rclpy.node import Node
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.networks.api import PromptableNetwork
    from sam_tracker.nodes.network_setup import NetworkSetup
    from sam_tracker.ros.parameters.segmentation import SegmenterParameters

Result = TypeVar('Result')


class SegmenterSession:
    """Keeps images until a request names one, and runs requests in slices on one thread."""

    def __init__(
        self, node: Node, setup: NetworkSetup[PromptableNetwork], parameters: SegmenterParameters
    ) -> None:
        """Store the network; ``start`` starts the thread."""
        self.setup = setup
        self.buffer = ImageBuffer(parameters.buffer.seconds, parameters.buffer.megabytes)
        self.intake = ImageIntake(self.buffer, node.get_logger(), parameters.camera_range())
        self.segmenter = ImageSegmenter(setup.network, setup.runtime)
        self.text_search = TextSearch(parameters.text.model, str(setup.device))
        self.error = ''
        self.paused = False
        self._worker: Worker[None] | None = None

    @property
    def running(self) -> bool:
        return self._worker is not None

    def start(self) -> None:
        self.intake.restart()
        self._worker = Worker(lambda _: None, 'segmenter')

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """End the thread within ``timeout`` seconds; return whether it has ended."""
        worker, self._worker = self._worker, None
        self.buffer.clear()
        return worker is None or worker.stop(timeout)

    def close(self, timeout: float = STOP_TIMEOUT) -> None:
        """End all threads, each within ``timeout`` seconds."""
        self.stop(timeout)
        self.text_search.stop(timeout)

    def receive(self, message: Image | CompressedImage) -> None:
        """Keep an image."""
        self.intake.receive(message)

    def object_states(self) -> Mapping[str, int]:
        """Return nothing: no objects are tracked."""
        return {}

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """
        Run long work in slices; errors as for ``Worker.submit_slices``.

        :raises WorkerStoppedError: the segmenter is not running.
        """
        worker = self._worker
        if worker is None:
            raise WorkerStoppedError('the segmenter is not running')
        return worker.submit_slices(generator)
