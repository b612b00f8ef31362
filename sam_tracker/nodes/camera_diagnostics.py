# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics of a camera node: published every second, missing images are also logged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType

from sam_tracker.ros.camera.image_statistics import Drop, ImageStatistics
from sam_tracker.ros.process.diagnostics import NodeCondition, diagnostic_status, worrying

if TYPE_CHECKING:
    from sam_tracker.nodes.camera_node import CameraNode, CameraSession
    from sam_tracker.ros.camera.image_statistics import ImageReport

PERIOD = 1.0
"""Seconds."""
CLOCK_JUMP_WARNING = 30.0
"""Seconds for which a jump of the stamps is worth a warning."""


class CameraDiagnostics:
    """Publishes the diagnostics of a node, and updates the reliability of its subscription."""

    def __init__(self, node: CameraNode[Any, CameraSession], activity: str) -> None:
        """
        Create publisher and timer; nothing is read before the node spins.

        :param activity: what the node does, such as ``tracking``.
        """
        self._activity = activity
        self._node = node
        self._without_session = ImageStatistics(time.monotonic_ns())
        self._logged_silence = False
        self._logged_namesake = False
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        node.create_timer(
            PERIOD,
            self._publish,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def _publish(self) -> None:
        message = DiagnosticArray(status=[self._status()])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _status(self) -> DiagnosticStatus:
        node = self._node
        session, image_input = node.session, node.image_input
        statistics = self._without_session if session is None else session.intake.statistics
        report = statistics.report(time.monotonic_ns())
        name = f'{node.get_fully_qualified_name().lstrip("/")}: {self._activity}'
        patience = node.no_image_warning
        warnings = self._namesakes()
        if session is None or image_input is None:
            condition = NodeCondition(
                lifecycle_state=node.state_name,
                topic='',
                warnings=tuple(warnings),
                error=node.setup_error,
            )
            return diagnostic_status(name, condition, report, patience)
        reasons = image_input.check(
            silent=report.silence > patience, late=worrying(report, Drop.OUT_OF_ORDER)
        )
        if node.state_name == 'active':
            self._log_silence(image_input.topic, reasons, report, patience)
        warnings += reasons
        jumps = session.intake.clock_jumps
        if session.intake.seconds_since_clock_jump < CLOCK_JUMP_WARNING:
            warnings.append(f'stamps have jumped back ({jumps} times so far)')
        warnings += node.more_warnings
        condition = NodeCondition(
            lifecycle_state=node.state_name,
            topic=image_input.topic,
            activity=self._activity,
            paused=session.paused,
            object_states=session.object_states(),
            model=session.setup.model,
            device=str(session.setup.device),
            precision=session.setup.precision,
            device_memory=session.setup.device_memory(),
            buffered_images=len(session.buffer),
            buffered_bytes=session.buffer.bytes,
            refused_prompts=node.refused_prompts,
            clock_jumps=jumps,
            more=node.more_values,
            warnings=tuple(warnings),
            error=session.error,
        )
        return diagnostic_status(name, condition, report, patience)

    def _log_silence(
        self, topic: str, reasons: list[str], report: ImageReport, patience: float
    ) -> None:
        """Log the reasons once for each period without images, for users without diagnostics."""
        silent = report.silence > patience
        if silent and not self._logged_silence:
            self._node.get_logger().warning(
                f'no image for {report.silence:.0f} s on {topic}: {"; ".join(reasons)}'
            )
        self._logged_silence = silent

    def _namesakes(self) -> list[str]:
        """Return a warning if another node has the same name."""
        node = self._node
        own = (node.get_name(), node.get_namespace())
        count = node.get_node_names_and_namespaces().count(own)
        if count < 2:
            self._logged_namesake = False
            return []
        warning = (
            f'{count} nodes are called {node.get_fully_qualified_name()}: their outputs '
            'mix; rename one (--ros-args -r __node:=NAME)'
        )
        if not self._logged_namesake:
            node.get_logger().warning(warning)
        self._logged_namesake = True
        return [warning]
