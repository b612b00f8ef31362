# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The node: camera images and prompts in, tracks out.

A lifecycle node that configures and activates itself unless told not to. Configured, it has a
network and everything else of a ``TrackingSession``; active, it also subscribes to images.
Deactivation keeps the objects, cleaning up forgets them and frees all memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import sys
from typing import TYPE_CHECKING

from sam_tracker.nodes.camera_diagnostics import CameraDiagnostics
from sam_tracker.nodes.camera_node import GRACE, CameraNode
from sam_tracker.nodes.network_setup import set_up_network
from sam_tracker.nodes.segmenter.segment_service import SERVICE_THREADS, SegmentService
from sam_tracker.nodes.tracker.detections_input import DetectionsInput
from sam_tracker.nodes.tracker.follow_action import FollowAction
from sam_tracker.nodes.tracker.tracker_services import TrackerServices
from sam_tracker.nodes.tracker.tracking_session import PromptAnswer, TrackingSession
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

if TYPE_CHECKING:
    from sam_tracker.msg import Prompt
    from sam_tracker.networks.api import VideoNetwork
    from sam_tracker.nodes.network_setup import NetworkSetup
    from sam_tracker.nodes.tracker.track_output import Observer

EXECUTOR_THREADS = 3 + SERVICE_THREADS
"""Images, all services, and a transition, which may take seconds; and what segmentation needs."""


class TrackerNode(CameraNode[TrackerParameters, TrackingSession]):
    """Tracks objects in the images of one camera; the README names its topics and services."""

    def __init__(
        self,
        *,
        node_name: str = 'sam_tracker',
        setup: NetworkSetup[VideoNetwork] | None = None,
        observers: Sequence[Observer] = (),
        **options: object,
    ) -> None:
        """
        Declare parameters and services; ``autostart`` takes effect when the node spins.

        :param setup: a loaded network, which several nodes of one process may share; None: one is
            loaded, as the parameters say, whenever the node configures.
        :param observers: see ``TrackOutput``; besides those of the node itself.
        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        self._setup = setup
        self._observers = observers
        # rclpy destroys a node whose constructor failed.
        self._follow: FollowAction | None = None
        self.detections_input: DetectionsInput | None = None
        super().__init__(node_name, TrackerParameters, **options)
        self._tracker_services = TrackerServices(
            self, self.running_session, lambda: self.settings, self._prompt
        )
        self._segment_service = SegmentService(self, self.running_session, lambda: self.settings)
        self._follow = FollowAction(
            self,
            self.running_session,
            lambda: self.settings,
            self._prompt,
            self._segment_service.segment,
        )
        self.detections_input = DetectionsInput(
            self, self.running_session, lambda: self.settings, self._follow.follows
        )
        self._diagnostics = CameraDiagnostics(self, 'tracking')
        self.begin(autostart=self.settings.autostart)

    @property
    def no_image_warning(self) -> float:
        return self.settings.no_image_warning

    @property
    def refused_prompts(self) -> int:
        return self._tracker_services.refused_prompts

    def on_parameters(self, values: TrackerParameters) -> None:
        super().on_parameters(values)
        if (session := self.session) is not None:
            session.change(values)
        if self.detections_input is not None:
            self.detections_input.configure()

    def make_session(self, parameters: TrackerParameters) -> TrackingSession:
        setup = self._setup or set_up_network(parameters)
        assert self._follow is not None
        assert self.detections_input is not None
        self.detections_input.reset()
        observers = [self._follow.observe, self.detections_input.observe, *self._observers]
        return TrackingSession(self, setup, parameters, observers)

    def _prompt(self, session: TrackingSession, prompt: Prompt) -> PromptAnswer:
        """Apply a prompt that is none of a detection; on the tracker's thread."""
        answer = session.prompt(prompt, self.settings.catch_up_frames)
        if self.detections_input is not None:
            self.detections_input.disown(answer.track.object_id)
        return answer

    @property
    def more_values(self) -> Mapping[str, str]:
        return {} if self.detections_input is None else self.detections_input.report.values()

    @property
    def more_warnings(self) -> Sequence[str]:
        return () if self.detections_input is None else self.detections_input.report.warnings()

    def session_stopped(self) -> None:
        if self._follow is not None:
            self._follow.stop()

    def destroy_node(self) -> None:
        if self._follow is not None:
            self._follow.destroy()
            self._follow = None
        super().destroy_node()


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to stop."""
    return run_node(
        'sam_tracker',
        TrackerNode,
        args,
        make_executor=lambda: TolerantExecutor(num_threads=EXECUTOR_THREADS),
        grace=GRACE,
    )


if __name__ == '__main__':
    sys.exit(main())
