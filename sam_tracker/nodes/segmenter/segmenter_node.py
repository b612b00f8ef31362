# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The node that segments single images and tracks nothing.

It keeps the last images of a camera, if there is one, and answers ``~/segment_image`` as the
tracker node does; requests that bring their own image need no camera. A lifecycle node that
configures and activates itself unless told not to.
"""

from __future__ import annotations

from collections.abc import Sequence
import sys
from typing import TYPE_CHECKING

from sam_tracker.nodes.camera_diagnostics import CameraDiagnostics
from sam_tracker.nodes.camera_node import GRACE, CameraNode
from sam_tracker.nodes.network_setup import set_up_image_network
from sam_tracker.nodes.segmenter.segment_service import SERVICE_THREADS, SegmentService
from sam_tracker.nodes.segmenter.segmenter_session import SegmenterSession
from sam_tracker.ros.parameters.segmentation import SegmenterParameters
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

if TYPE_CHECKING:
    from sam_tracker.networks.api import PromptableNetwork
    from sam_tracker.nodes.network_setup import NetworkSetup

EXECUTOR_THREADS = 3 + SERVICE_THREADS
"""Images, parameters and diagnostics, a transition, and what segmentation needs."""


class SegmenterNode(CameraNode[SegmenterParameters, SegmenterSession]):
    """Answers ``~/segment_image`` about the images of one camera."""

    def __init__(
        self,
        *,
        node_name: str = 'segmenter',
        setup: NetworkSetup[PromptableNetwork] | None = None,
        **options: object,
    ) -> None:
        """
        Declare parameters and the service; ``autostart`` takes effect when the node spins.

        :param setup: a loaded network, which several nodes of one process may share; None: one is
            loaded, as the parameters say, whenever the node configures.
        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        self._setup = setup
        super().__init__(node_name, SegmenterParameters, **options)
        self._service = SegmentService(self, self.running_session, lambda: self.settings)
        self._diagnostics = CameraDiagnostics(self, 'segmentation')
        self.begin(autostart=self.settings.autostart)

    def make_session(self, parameters: SegmenterParameters) -> SegmenterSession:
        return SegmenterSession(self, self._setup or set_up_image_network(parameters), parameters)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to stop."""
    return run_node(
        'segmenter',
        SegmenterNode,
        args,
        make_executor=lambda: TolerantExecutor(num_threads=EXECUTOR_THREADS),
        grace=GRACE,
    )


if __name__ == '__main__':
    sys.exit(main())
