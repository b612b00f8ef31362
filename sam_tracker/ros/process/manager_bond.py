# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The bond by which a lifecycle manager monitors a node, where bond is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING
import uuid

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType

try:
    from bond.msg import Status
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

if TYPE_CHECKING:
    from rclpy.node import Node

PERIOD = 0.25
"""Seconds between two heartbeats; Nav2's manager gives a node up after four without."""
TIMEOUT = 4.0
"""Seconds, as the heartbeats say."""


class ManagerBond:
    """
    Sends heartbeats while a node is active, under its name on the topic `bond`, as Nav2's do.

    It does not listen to those of the manager, whose end changes nothing for the node.
    """

    def __init__(self, node: Node) -> None:
        """Create the publisher; only where ``INSTALLED``."""
        self._node = node
        self._instance = ''
        self._publisher = node.create_publisher(Status, 'bond', 1)
        # Never cancelled: rclpy fails when a timer is cancelled that another thread is to call.
        node.create_timer(
            PERIOD,
            self._beat,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def form(self) -> None:
        """Begin: the node is active."""
        self._instance = str(uuid.uuid4())
        self._beat()

    def end(self) -> None:
        """End the bond, if there is one: the node is no longer active."""
        if self._instance:
            self._publish(active=False)
            self._instance = ''

    def _beat(self) -> None:
        if self._instance:
            self._publish(active=True)

    def _publish(self, *, active: bool) -> None:
        status = Status(id=self._node.get_name(), instance_id=self._instance, active=active)
        status.header.stamp = self._node.get_clock().now().to_msg()
        status.heartbeat_timeout, status.heartbeat_period = TIMEOUT, PERIOD
        self._publisher.publish(status)
