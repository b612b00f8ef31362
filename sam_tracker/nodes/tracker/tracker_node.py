# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The node: camera images and prompts in, tracks out.

A lifecycle node that configures and activates itself unless told not to. Configured, it has a
network and everything else of a ``TrackingSession``; active, it also subscribes to images.
Deactivation keeps the objects, cleaning up forgets them and frees all memory.
"""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import ctypes
import gc
import sys
import time
from typing import TYPE_CHECKING

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
import torch

from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.nodes.segmenter.segment_service import SERVICE_THREADS, SegmentService
from sam_tracker.nodes.tracker.network_setup import set_up_network
from sam_tracker.nodes.tracker.tracker_diagnostics import TrackerDiagnostics
from sam_tracker.nodes.tracker.tracker_services import TrackerServices
from sam_tracker.nodes.tracker.tracking_session import STOP_TIMEOUT, TrackingSession
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.node_parameters import NodeParameters
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.process.error_log import describe
from sam_tracker.ros.process.managed_node import ManagedNode
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor
from sam_tracker.ros.process.worker import WorkerStoppedError

if TYPE_CHECKING:
    from sam_tracker.networks.api import VideoNetwork
    from sam_tracker.nodes.tracker.network_setup import NetworkSetup

EXECUTOR_THREADS = 3 + SERVICE_THREADS
"""Images, all services, and a transition, which may take seconds; and what segmentation needs."""
END_TIMEOUT = 0.5
"""Seconds that each thread is given to finish when the program ends."""
GRACE = 2.0
"""Seconds after a signal within which the process ends, whatever its threads do."""


class TrackerNode(ManagedNode):
    """Tracks objects in the images of one camera; the README names its topics and services."""

    def __init__(
        self,
        *,
        node_name: str = 'sam_tracker',
        setup: NetworkSetup[VideoNetwork] | None = None,
        **options: object,
    ) -> None:
        """
        Declare parameters and services; ``autostart`` takes effect when the node spins.

        :param setup: a loaded network, which several nodes of one process may share; None: one is
            loaded, as the parameters say, whenever the node configures.
        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        # First of all: rclpy destroys a node whose constructor failed.
        self.session: TrackingSession | None = None
        self.image_input: ImageInput | None = None
        self.setup_error = ''
        """Why the node could not be configured; empty: it was not tried, or it is."""
        self._setup = setup
        self._finalized = False
        self._configuring = False
        super().__init__(node_name, **options)
        self._node_parameters = NodeParameters(
            self,
            TrackerParameters,
            configured=lambda: self.session is not None or self._configuring,
            on_change=self._on_parameters,
        )
        self._image_group = MutuallyExclusiveCallbackGroup()
        self._tracker_services = TrackerServices(
            self, self._running_session, lambda: self.settings
        )
        self._segment_service = SegmentService(self, self._running_session, lambda: self.settings)
        self._diagnostics = TrackerDiagnostics(self)
        if self.settings.autostart:
            self.start_automatically()

    @property
    def settings(self) -> TrackerParameters:
        """The current parameters."""
        return self._node_parameters.values

    @property
    def refused_prompts(self) -> int:
        return self._tracker_services.refused_prompts

    # --- lifecycle ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        start = time.monotonic()
        parameters = self.settings
        self.setup_error, self._configuring = '', True
        try:
            setup = self._setup or set_up_network(parameters)
            self.session = TrackingSession(self, setup, parameters)
        except (CheckpointError, ParameterError, ValueError) as error:
            self.setup_error = str(error)
        except Exception as error:
            # Errors of devices and their libraries have no common type.
            self.setup_error = describe(error)
            if self.context.ok():
                self.errors.report('configuring failed', error)
        finally:
            self._configuring = False
        if self.session is None:
            if self.context.ok():
                self.get_logger().error(f'cannot be configured: {self.setup_error}')
            # After an error for want of memory the next attempt needs what this one held.
            free_memory()
            return TransitionCallbackReturn.FAILURE
        self.image_input = ImageInput(
            self,
            parameters.image_transport,
            parameters.image_reliability,
            self.session.receive,
            self._image_group,
            on_missed=self.session.intake.miss,
        )
        self.get_logger().info(f'{setup.description}, ready in {time.monotonic() - start:.1f} s')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self.session is not None
        assert self.image_input is not None
        # Publishers are enabled before the first image comes.
        result = super().on_activate(state)
        self.session.start()
        try:
            self.image_input.start()
        except RuntimeError as error:
            # Such as a qos_overrides parameter that names no policy.
            self._stop()
            super().on_deactivate(state)
            self.session.error = f'cannot subscribe to {self.image_input.topic}: {error}'
            self.get_logger().error(self.session.error)
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info(f'waiting for images on {self.image_input.topic}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self._stop():
            self.get_logger().error(
                f'a thread did not stop within {STOP_TIMEOUT:g} s (device hang?)'
            )
            return TransitionCallbackReturn.ERROR
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_cleanup(state)
        self._close()
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._close()
        self._finalized = True
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        # What did not stop in time is not waited for again.
        self._close(0.0)
        return super().on_error(state)

    def destroy_node(self) -> None:
        if self.image_input is not None:
            self.image_input.stop()
        if self.session is not None:
            self.session.close(END_TIMEOUT)
        self.session = self.image_input = None
        super().destroy_node()

    def _stop(self) -> bool:
        if self.image_input is not None:
            self.image_input.stop()
        return self.session is None or self.session.stop()

    def _close(self, timeout: float = STOP_TIMEOUT) -> None:
        session, image_input = self.session, self.image_input
        self.session = self.image_input = None
        if image_input is not None:
            image_input.stop()
        if session is not None:
            session.close(timeout)
        del session
        free_memory()

    @property
    def state_name(self) -> str:
        """The lifecycle state, by its name in ROS."""
        if self._configuring:
            return 'configuring'
        session = self.session
        if session is None:
            return 'finalized' if self._finalized else 'unconfigured'
        return 'active' if session.running else 'inactive'

    def _running_session(self) -> TrackingSession:
        session = self.session
        if session is None or not session.running:
            reason = f': {self.setup_error}' if self.setup_error else ''
            raise WorkerStoppedError(f'the node is {self.state_name}{reason}')
        return session

    def _on_parameters(self, values: TrackerParameters) -> None:
        session = self.session
        if session is not None:
            session.buffer.set_bounds(values.buffer.seconds, values.buffer.megabytes)


def free_memory() -> None:
    """Free everything unreferenced, and return it to the system and the device."""
    # The network goes now, not at the next garbage collection.
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    # Otherwise every thread of the executor that once configured keeps an arena.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL('libc.so.6').malloc_trim(0)


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
