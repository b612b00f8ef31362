# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The node that segments single images and tracks nothing.

It keeps the last images of a camera, if there is one, and answers ``~/segment_image`` as the
tracker node does; requests that bring their own image need no camera.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future
import sys
import time
from typing import TypeVar

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.nodes.segmenter.segment_service import SERVICE_THREADS, SegmentService
from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.nodes.tracker.network_setup import set_up_image_network
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.camera.image_intake import ImageIntake
from sam_tracker.ros.parameters.node_parameters import NodeParameters
from sam_tracker.ros.parameters.segmentation import SegmenterParameters
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor
from sam_tracker.ros.process.worker import Worker
from sam_tracker.segmentation.image_segmenter import ImageSegmenter

EXECUTOR_THREADS = 3 + SERVICE_THREADS
"""One for images, one for the look at their publishers, one for parameters, and the service's."""
CHECK_PERIOD = 1.0
"""Seconds between two looks at the publishers of images."""
STOP_TIMEOUT = 30.0
"""Seconds a thread is given to finish the slice it is at."""

Result = TypeVar('Result')


class SegmenterNode(Node):
    """A camera's last images, a network, and the service; ready when it is made."""

    def __init__(self) -> None:
        """
        Load the network, which takes seconds.

        Raises ``ParameterError`` for a parameter that cannot be, and ``CheckpointError`` when the
        weights are not there or cannot be read.
        """
        super().__init__('segmenter')
        start = time.monotonic()
        self._node_parameters = NodeParameters(
            self, SegmenterParameters, on_change=self._on_parameters
        )
        parameters = self._node_parameters.values
        setup = set_up_image_network(parameters)
        self.segmenter = ImageSegmenter(setup.network, setup.runtime)
        self.text_search = TextSearch(parameters.text.model, str(setup.device))
        self.buffer = ImageBuffer(parameters.buffer.seconds, parameters.buffer.megabytes)
        self._intake = ImageIntake(self.buffer, self.get_logger())
        self._worker: Worker[None] = Worker(lambda _: None, 'segmenter')
        self._service = SegmentService(self, lambda: self, lambda: self._node_parameters.values)
        self._input = ImageInput(
            self,
            parameters.image_transport,
            parameters.image_reliability,
            self._intake.receive,
            MutuallyExclusiveCallbackGroup(),
        )
        self._input.start()
        self.create_timer(
            CHECK_PERIOD,
            lambda: self._input.check(silent=False),
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        self.get_logger().info(
            f'{setup.description}, ready in {time.monotonic() - start:.1f} s; images come from '
            f'{self._input.topic}'
        )

    def submit_slices(self, generator: Generator[object, None, Result]) -> Future[Result]:
        """Have long work done a slice at a time; raises as ``Worker.submit_slices`` does."""
        return self._worker.submit_slices(generator)

    def destroy_node(self) -> None:
        self._input.stop()
        self._worker.stop(STOP_TIMEOUT)
        self.text_search.stop(STOP_TIMEOUT)
        super().destroy_node()

    def _on_parameters(self, values: SegmenterParameters) -> None:
        self.buffer.set_bounds(values.buffer.seconds, values.buffer.megabytes)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to stop."""
    return run_node(
        'segmenter',
        SegmenterNode,
        args,
        refusals=(CheckpointError,),
        make_executor=lambda: TolerantExecutor(num_threads=EXECUTOR_THREADS),
    )


if __name__ == '__main__':
    sys.exit(main())
