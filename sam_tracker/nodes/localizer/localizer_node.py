# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Places tracked objects in space: tracks, depth images and a calibration in, positions out.

It subscribes to `tracks` (sam_tracker/TrackArray), `depth` (sensor_msgs/Image, registered to the
images of the tracker; or `depth/compressedDepth`) and `camera_info` (sensor_msgs/CameraInfo, of
these images). A lifecycle node that configures and activates itself unless told not to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from sam_tracker.msg import TrackArray
from sam_tracker.nodes.localizer.localizer_session import LocalizerSession
from sam_tracker.ros.camera.image_input import ImageInput
from sam_tracker.ros.camera.quality_of_service import RESULTS
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.localizer import LocalizerParameters
from sam_tracker.ros.parameters.node_parameters import NodeParameters
from sam_tracker.ros.process.managed_node import ManagedNode
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

if TYPE_CHECKING:
    from rclpy.subscription import Subscription

NAME = 'localizer'
MOST_HANDED_OVER = 4
"""Images whose tracks may wait for the thread that places them."""
DEPTH_QUEUE = 4
"""Depth images that may wait while objects are placed."""
CALIBRATION = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
WAITING_PERIOD = 0.05
"""Seconds between checks of tracks that wait for depth or a transform that may never come."""
DIAGNOSTIC_PERIOD = 1.0
"""Seconds."""
EXECUTOR_THREADS = 3
"""Data, services, and a transition."""


class LocalizerNode(ManagedNode):
    """Places the objects of one tracker."""

    def __init__(self, *, node_name: str = NAME, tracks_from: str = '', **options: object) -> None:
        """
        Declare the parameters; ``autostart`` takes effect when the node spins.

        :param tracks_from: the tracker node of this process that calls ``hand_over``; empty: the
            node subscribes to tracks.
        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        # First of all: rclpy destroys a node whose constructor failed.
        self._session: LocalizerSession | None = None
        self._depth: ImageInput | None = None
        self._others: list[Subscription] = []
        """Besides that to depth images."""
        self._tracks_from = tracks_from
        self._handed_over: deque[TrackArray] = deque(maxlen=MOST_HANDED_OVER)
        self._error = ''
        # Transitions run beside the callbacks, and destroy what these use.
        self._lock = threading.Lock()
        super().__init__(node_name, **options)
        self._node_parameters = NodeParameters(
            self, LocalizerParameters, configured=lambda: self._session is not None
        )
        self._group = MutuallyExclusiveCallbackGroup()
        self._tracks_came = self.create_guard_condition(self._take_tracks, self._group)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_timer(
            DIAGNOSTIC_PERIOD, self._publish_diagnostics, callback_group=self._group, clock=steady
        )
        # Never cancelled: rclpy fails when a timer is cancelled that another thread is to call.
        self.create_timer(
            WAITING_PERIOD, self._place_waiting, callback_group=self._group, clock=steady
        )
        self.begin(autostart=self._node_parameters.values.autostart)

    # --- lifecycle ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self._session = LocalizerSession(
                self, self._node_parameters.values, self._place_waiting, self._group
            )
        except ParameterError as error:
            self._error = str(error)
            self.get_logger().error(f'cannot be configured: {error}')
            return TransitionCallbackReturn.FAILURE
        self._error = ''
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        with self._lock:
            self._subscribe()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        with self._lock:
            self._unsubscribe()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_cleanup(state)
        self._close()
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._close()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._close()
        return super().on_error(state)

    def destroy_node(self) -> None:
        self._close()
        super().destroy_node()

    def _close(self) -> None:
        with self._lock:
            self._unsubscribe()
            session, self._session = self._session, None
            if session is not None:
                session.close()

    # --- data ---

    def _subscribe(self) -> None:
        parameters, topic = self._node_parameters.values, self.resolve_topic_name('depth')
        raw = parameters.depth_transport == 'raw'
        self._depth = ImageInput(
            self,
            'raw' if raw else 'compressed',
            parameters.depth_reliability,
            self._receive(LocalizerSession.receive_depth),
            self._group,
            depth=DEPTH_QUEUE,
            topic=topic if raw else f'{topic}/{parameters.depth_transport}',
            parameter='depth_reliability',
        )
        self._depth.start()
        others: list[tuple[type, str, Any, QoSProfile]] = [
            (CameraInfo, 'camera_info', LocalizerSession.receive_calibration, CALIBRATION)
        ]
        if not self._tracks_from:
            others.append((TrackArray, 'tracks', LocalizerSession.receive_tracks, RESULTS))
        for kind, topic, receive, quality in others:
            self._others.append(
                self.create_subscription(
                    kind, topic, self._receive(receive), quality, callback_group=self._group
                )
            )
        names = [self._depth.topic, *(each.topic_name for each in self._others)]
        if self._tracks_from:
            names.append(f'tracks of {self._tracks_from}')
        self.get_logger().info(f'placing objects by {", ".join(names)}')

    def _unsubscribe(self) -> None:
        depth, self._depth = self._depth, None
        if depth is not None:
            depth.stop()
        while self._others:
            self.destroy_subscription(self._others.pop())

    @property
    def active(self) -> bool:
        """Whether tracks are placed."""
        return self._depth is not None

    def hand_over(self, tracks: TrackArray) -> None:
        """Accept tracks from another thread of this process; the oldest are dropped if need be."""
        self._handed_over.append(tracks)
        self._tracks_came.trigger()

    def _take_tracks(self) -> None:
        receive = self._receive(LocalizerSession.receive_tracks)
        while self._handed_over:
            receive(self._handed_over.popleft())

    def _receive(
        self, receive: Callable[[LocalizerSession, Any], None]
    ) -> Callable[[object], None]:
        """Return a callback that hands a message to the session, if the node is active."""

        def callback(message: object) -> None:
            with self._lock:
                if self._session is not None and self._depth is not None:
                    receive(self._session, message)

        return callback

    def _place_waiting(self) -> None:
        with self._lock:
            if self._session is not None and self._depth is not None:
                self._session.place_ready()

    # --- diagnostics ---

    def _publish_diagnostics(self) -> None:
        with self._lock:
            message = DiagnosticArray(status=[self._status()])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _status(self) -> DiagnosticStatus:
        name = f'{self.get_fully_qualified_name().lstrip("/")}: localization'
        status = DiagnosticStatus(name=name, level=DiagnosticStatus.OK, message='placing objects')
        session, depth = self._session, self._depth
        if session is None or depth is None:
            status.message = self._error or 'inactive'
            status.level = DiagnosticStatus.ERROR if self._error else DiagnosticStatus.OK
            return status
        now, warning = time.monotonic(), self._node_parameters.values.depth.warning
        silence = now - session.last_depth
        silent = silence > warning
        reasons = depth.check(silent=silent)
        if silent:
            reasons.insert(0, f'no depth image for {silence:.1f} s on {depth.topic}')
        if (without_tracks := now - session.last_tracks) > warning:
            reasons.append(f'no tracks for {without_tracks:.1f} s')
        reasons += [
            f'no publisher of {each.topic_name}'
            for each in self._others
            if not self.count_publishers(each.topic_name)
        ]
        reasons += session.faults
        if reasons:
            status.level, status.message = DiagnosticStatus.WARN, '; '.join(reasons)
        values = {
            'images placed': session.images,
            'images placed with depth': session.images_with_depth,
            'seconds since the last depth image': f'{silence:.2f}',
            **{fault.value: count for fault, count in session.fault_counts.items()},
        }
        status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        return status


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to stop."""
    return run_node(
        NAME,
        LocalizerNode,
        args,
        make_executor=lambda: TolerantExecutor(num_threads=EXECUTOR_THREADS),
    )


if __name__ == '__main__':
    sys.exit(main())
