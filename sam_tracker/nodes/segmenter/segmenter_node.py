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
from dataclasses import fields
import sys
import time
from typing import TYPE_CHECKING, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from sam_tracker.networks.weights.loading import CheckpointError
from sam_tracker.nodes.segmenter.segment_service import SERVICE_THREADS, SegmentService
from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.nodes.tracker.network_setup import set_up_network
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.camera.image_intake import ImageIntake
from sam_tracker.ros.parameters.declaration import (
    Change,
    ParameterError,
    declaration,
    declare,
    with_values,
)
from sam_tracker.ros.parameters.segmentation import SegmenterParameters
from sam_tracker.ros.process.enduring_executor import EnduringExecutor
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.worker import Worker
from sam_tracker.segmentation.image_segmenter import ImageSegmenter

if TYPE_CHECKING:
    from rclpy.parameter import Parameter

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
        self._settings = declare(self, SegmenterParameters)
        setup = set_up_network(self._settings)
        self.segmenter = ImageSegmenter(setup.network, setup.runtime)
        self.text_search = TextSearch(self._settings.text_model, str(setup.device))
        self.buffer = ImageBuffer(
            self._settings.frame_buffer_seconds, self._settings.frame_buffer_megabytes
        )
        self._intake = ImageIntake(self.buffer, self.get_logger())
        self._worker: Worker[None] = Worker(lambda _: None, 'segmenter')
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._service = SegmentService(self, lambda: self, lambda: self._settings)
        self._input = ImageInput(
            self,
            self._settings.image_transport,
            self._settings.image_reliability,
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

    def _on_set_parameters(self, changes: Sequence[Parameter]) -> SetParametersResult:
        declared = {each.name: declaration(each) for each in fields(SegmenterParameters)}
        values = {each.name: each.value for each in changes if each.name in declared}
        for name in values:
            if declared[name].change is not Change.LIVE:
                reason = f'{name} is read once, when the node starts: restart the node with it'
                return SetParametersResult(successful=False, reason=reason)
        try:
            self._settings = with_values(self._settings, values)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.buffer.set_bounds(
            self._settings.frame_buffer_seconds, self._settings.frame_buffer_megabytes
        )
        return SetParametersResult(successful=True)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to stop."""
    return run_node(
        'segmenter',
        SegmenterNode,
        args,
        refusals=(CheckpointError,),
        make_executor=lambda: EnduringExecutor(num_threads=EXECUTOR_THREADS),
    )


if __name__ == '__main__':
    sys.exit(main())
