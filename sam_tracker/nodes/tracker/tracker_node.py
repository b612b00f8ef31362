# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The node: camera images and prompts in, tracks out.

A lifecycle node that configures and activates itself unless told not to. Configured, it has the
network and everything else of a ``TrackingSession``; active, it also subscribes to images. Going
inactive keeps the objects, cleaning up forgets them and gives all memory back.
"""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import ctypes
import gc
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.nodes.segmenter.segment_service import SERVICE_THREADS, SegmentService
from sam_tracker.nodes.tracker.tracker_services import TrackerServices
from sam_tracker.nodes.tracker.tracking_session import STOP_TIMEOUT, TrackingSession
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.camera.image_statistics import ImageStatistics
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.node_parameters import NodeParameters
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.process.diagnostics import NodeCondition, diagnostic_status
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor
from sam_tracker.ros.process.worker import WorkerStoppedError

DIAGNOSTICS_PERIOD = 1.0
"""Seconds."""
EXECUTOR_THREADS = 7 + SERVICE_THREADS
"""
One for each callback group, so that none keeps another waiting, and what segmentation needs: its
requests wait side by side.
"""


class TrackerNode(LifecycleNode):
    """Follows what it is pointed at; the names on the wire are those of the README."""

    def __init__(self) -> None:
        """
        Declare parameters and services; ``autostart`` takes effect when the node spins.

        Raises ``ParameterError`` for a parameter that cannot be.
        """
        super().__init__('sam_tracker')
        self._session: TrackingSession | None = None
        self._input: ImageInput | None = None
        self._finalized = False
        self._configuring = False
        self._setup_error = ''
        self._idle_statistics = ImageStatistics(time.monotonic_ns())
        self._node_parameters = NodeParameters(
            self,
            TrackerParameters,
            configured=lambda: self._session is not None or self._configuring,
            on_change=self._on_parameters,
        )
        self._survive_impossible_transitions()
        self._image_group = MutuallyExclusiveCallbackGroup()
        self._tracker_services = TrackerServices(
            self, self._running_session, lambda: self._settings
        )
        self._segment_service = SegmentService(self, self._running_session, lambda: self._settings)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._diagnostics_timer = self.create_timer(
            DIAGNOSTICS_PERIOD,
            self._publish_diagnostics,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=steady,
        )
        if self._settings.autostart:
            # In a group of its own, so that state and parameters can be asked for meanwhile.
            self._autostart_timer = self.create_timer(
                0.0,
                self._autostart,
                callback_group=MutuallyExclusiveCallbackGroup(),
                clock=steady,
            )

    # --- lifecycle ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        start = time.monotonic()
        parameters = self._settings
        self._setup_error, self._configuring = '', True
        try:
            self._session = TrackingSession(self, parameters)
        except (CheckpointError, ParameterError, ValueError) as error:
            self._setup_error = str(error)
        except Exception as error:
            # What a device or its libraries may raise has no common type.
            self._setup_error = f'{type(error).__name__}: {error}'
        finally:
            self._configuring = False
        if self._session is None:
            if self.context.ok():
                self.get_logger().error(f'cannot be configured: {self._setup_error}')
            return TransitionCallbackReturn.FAILURE
        self._input = ImageInput(
            self,
            parameters.image_transport,
            parameters.image_reliability,
            self._session.receive,
            self._image_group,
            on_missed=self._session.intake.miss,
        )
        self.get_logger().info(
            f'{self._session.setup.description}, ready in {time.monotonic() - start:.1f} s'
        )
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self._session is not None
        assert self._input is not None
        result = super().on_activate(state)
        self._session.start()
        try:
            self._input.start()
        except RuntimeError as error:
            # Such as a qos_overrides parameter that names no policy.
            self._stop()
            self._session.error = f'cannot subscribe to {self._input.topic}: {error}'
            self.get_logger().error(self._session.error)
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info(f'waiting for images on {self._input.topic}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self._stop():
            self.get_logger().error('the tracker does not end: the device hangs')
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
        self._close()
        return super().on_error(state)

    def destroy_node(self) -> None:
        self._stop()
        if self._session is not None:
            self._session.text_search.stop(STOP_TIMEOUT)
        super().destroy_node()

    def _autostart(self) -> None:
        self._autostart_timer.cancel()
        try:
            if self.trigger_configure() is TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()
        except RuntimeError:
            # Interrupted on the way: there is nobody any more to tell of the transition.
            if self.context.ok():
                raise

    def _stop(self) -> bool:
        if self._input is not None:
            self._input.stop()
        return self._session is None or self._session.stop()

    def _close(self) -> None:
        self._stop()
        if self._session is not None:
            self._session.close()
        self._session = self._input = None
        give_memory_back()

    def _survive_impossible_transitions(self) -> None:
        """
        Answer a transition that does not start at the present state with ``success`` false.

        rclpy lets the error of the state machine through, and it would end the process.
        """
        service = self._service_change_state
        change_state = service.callback

        def guarded(request: ChangeState.Request, response: ChangeState.Response) -> object:
            try:
                return change_state(request, response)
            except RuntimeError as error:
                self.get_logger().warning(f'no such transition now: {error}')
                return response

        service.callback = guarded

    @property
    def _state_name(self) -> str:
        if self._configuring:
            return 'configuring'
        if self._session is None:
            return 'finalized' if self._finalized else 'unconfigured'
        return 'active' if self._session.running else 'inactive'

    def _running_session(self) -> TrackingSession:
        session = self._session
        if session is None or not session.running:
            raise WorkerStoppedError(
                f'the node is {self._state_name}'
                + (f': {self._setup_error}' if self._setup_error else '')
            )
        return session

    # --- parameters ---

    @property
    def _settings(self) -> TrackerParameters:
        return self._node_parameters.values

    def _on_parameters(self, values: TrackerParameters) -> None:
        if self._session is not None:
            self._session.buffer.set_bounds(values.buffer.seconds, values.buffer.megabytes)

    # --- diagnostics ---

    def _publish_diagnostics(self) -> None:
        message = DiagnosticArray(status=[self._diagnose()])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _diagnose(self) -> DiagnosticStatus:
        session, image_input = self._session, self._input
        statistics = self._idle_statistics if session is None else session.statistics
        report = statistics.report(time.monotonic_ns())
        name = f'{self.get_fully_qualified_name().lstrip("/")}: tracking'
        warning_after = self._settings.no_image_warning
        if session is None or image_input is None:
            condition = NodeCondition(self._state_name, '', error=self._setup_error)
            return diagnostic_status(name, condition, report, warning_after)
        warnings = image_input.check(silent=report.silence > warning_after)
        jumps = session.intake.clock_jumps
        if session.intake.seconds_since_clock_jump < CLOCK_JUMP_WARNING:
            warnings.append(f'stamps have jumped back ({jumps} times so far)')
        condition = NodeCondition(
            lifecycle_state=self._state_name,
            topic=image_input.topic,
            paused=session.paused,
            object_states=session.object_states(),
            model=session.setup.model,
            device=str(session.setup.device),
            precision=session.setup.precision,
            device_memory=session.setup.device_memory(),
            buffered_frames=len(session.buffer),
            buffered_bytes=session.buffer.bytes,
            refused_prompts=self._tracker_services.refused_prompts,
            clock_jumps=jumps,
            warnings=tuple(warnings),
            error=session.error,
        )
        return diagnostic_status(name, condition, report, warning_after)


def give_memory_back() -> None:
    """Free what nobody refers to now, and return it to the system."""
    # The network goes now, not when Python comes round to it.
    gc.collect()
    # Every thread of the executor that once configured keeps an arena of its own otherwise.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL('libc.so.6').malloc_trim(0)


CLOCK_JUMP_WARNING = 30.0
"""Seconds for which a jump of the stamps is worth a warning."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to stop."""
    return run_node(
        'sam_tracker',
        TrackerNode,
        args,
        make_executor=lambda: TolerantExecutor(num_threads=EXECUTOR_THREADS),
    )


if __name__ == '__main__':
    sys.exit(main())
