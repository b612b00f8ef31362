# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A node of the demonstration that observes the tracker."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from graph import DemoError
from rclpy.qos import QoSProfile
from spinning_node import SpinningNode

from sam_tracker.core.time import SECOND
from sam_tracker.msg import TrackArray
from sam_tracker.recording.frame import RecordedTrack
from sam_tracker.ros.messages.recorded_tracks import recorded_track
from sam_tracker.ros.messages.stamps import nanoseconds

DROPPED = 'images dropped: '


class Observer(SpinningNode):
    """Subscribes to tracks and diagnostics, in a thread, and stores what the summary needs."""

    def __init__(self) -> None:
        super().__init__('demo')
        profile = QoSProfile(depth=100)
        tracks = self._node.create_subscription(
            TrackArray, 'sam_tracker/tracks', self._take, profile
        )
        self._topic = tracks.topic_name
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._take_diagnostics, profile
        )
        self.stamps: list[int] = []
        """Stamps of all images with tracks, in nanoseconds."""
        self.latencies: list[float] = []
        """Seconds from the stamp of each image to the arrival of its tracks here."""
        self.tracks: dict[str, dict[int, RecordedTrack]] = {}
        """For each label, the visible object by stamp."""
        self.diagnostics: dict[str, str] = {}
        self._error = ''
        self.spin()

    @property
    def listeners(self) -> int:
        """Number of subscribers of the tracks, including this node."""
        return self._node.count_subscribers(self._topic)

    def check(self) -> None:
        """
        Check the diagnostics of the tracker node.

        :raises DemoError: they report an error.
        """
        if self._error:
            raise DemoError(f'the tracker cannot start: {self._error}')

    @property
    def dropped(self) -> dict[str, int]:
        """Images that the tracker did not process, by reason."""
        return {
            key.removeprefix(DROPPED): int(value)
            for key, value in self.diagnostics.items()
            if key.startswith(DROPPED) and int(value)
        }

    def _take(self, message: TrackArray) -> None:
        stamp = nanoseconds(message.header.stamp)
        now = self._node.get_clock().now().nanoseconds
        self.stamps.append(stamp)
        self.latencies.append((now - stamp) / SECOND)
        for track in message.tracks:
            recorded = recorded_track(track)
            if recorded.box is not None:
                self.tracks.setdefault(recorded.label, {})[stamp] = recorded

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith('sam_tracker:'):
                self.diagnostics = {each.key: each.value for each in status.values}
                self._error = status.message if status.level == DiagnosticStatus.ERROR else ''
