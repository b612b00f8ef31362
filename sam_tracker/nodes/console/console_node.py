# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS node of the console: finds trackers and passes their frames to the web server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
import threading
import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from sam_tracker.nodes.console.tracker_link import TrackerLink
from sam_tracker.ros.parameters.console import ConsoleParameters
from sam_tracker.ros.parameters.node_parameters import declare

if TYPE_CHECKING:
    from sam_tracker.nodes.console.live_frames import LiveFrame

NAME = 'console'
SERVICE, SERVICE_TYPE = '/add_prompt', 'sam_tracker/srv/AddPrompt'
"""A node with this service is a tracker."""
TEND_PERIOD = 0.2
"""Seconds between updates of the subscriptions to what is watched."""
SEARCH_PERIOD = 1.0
"""Seconds between searches for trackers."""
GONE_AFTER = 5.0
"""Seconds without its services after which a tracker is forgotten; a restart is quicker."""


class ConsoleNode(Node):
    """
    Finds all trackers of the graph, in any namespace and under any name.

    The executor's thread creates and destroys what belongs to ROS. The thread of the pages reads
    ``links``, says what is watched, and takes frames.
    """

    def __init__(self, **options: object) -> None:
        """
        Declare the parameters.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        """
        super().__init__(NAME, **options)
        self.settings = declare(self, ConsoleParameters)
        self.links: Mapping[str, TrackerLink] = {}
        """By the name of the tracker; replaced as a whole."""
        self.watched: frozenset[str] = frozenset()
        """Names of trackers; set by the thread of the pages."""
        self._lock = threading.Lock()
        self._newest: dict[str, LiveFrame] = {}
        self._on_frames: Callable[[], None] = lambda: None
        self._missed: dict[str, float] = {}
        self._searched = -SEARCH_PERIOD
        self.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, QoSProfile(depth=20)
        )
        self.create_timer(TEND_PERIOD, self._tend, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def notify(self, on_frames: Callable[[], None]) -> None:
        """:param on_frames: called by the executor's thread when there is a frame to take."""
        self._on_frames = on_frames

    def take_frames(self) -> dict[str, LiveFrame]:
        """Return the newest frame of each tracker that has a new one, and forget them."""
        with self._lock:
            newest, self._newest = self._newest, {}
        return newest

    def _keep(self, tracker: str, frame: LiveFrame) -> None:
        with self._lock:
            waiting = bool(self._newest)
            self._newest[tracker] = frame
        # Once for all that wait: whoever is notified takes them together.
        if not waiting:
            self._on_frames()

    def _tend(self) -> None:
        now = time.monotonic()
        searching = now - self._searched >= SEARCH_PERIOD
        if searching:
            self._searched = now
            self._search(now)
        for name, link in self.links.items():
            link.watch(name in self.watched)
            if searching:
                link.check()

    def _search(self, now: float) -> None:
        found = {
            name.removesuffix(SERVICE)
            for name, kinds in self.get_service_names_and_types()
            if name.endswith(SERVICE) and SERVICE_TYPE in kinds
        }
        links = dict(self.links)
        for name in sorted(found - links.keys()):
            self.get_logger().info(f'tracker {name} found')
            links[name] = TrackerLink(self, name, partial(self._keep, name))
        for name in links.keys() - found:
            if now - self._missed.setdefault(name, now) > GONE_AFTER:
                self.get_logger().info(f'tracker {name} is gone')
                links.pop(name).destroy()
        self._missed = {name: since for name, since in self._missed.items() if name in links}
        for name in found:
            self._missed.pop(name, None)
        self.links = links

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            # As CameraDiagnostics names it: the node, and what it does.
            link = self.links.get('/' + status.name.partition(':')[0])
            if link is not None:
                link.status, link.status_time = status, time.monotonic()
