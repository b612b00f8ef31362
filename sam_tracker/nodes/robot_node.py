# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The tracker and the localizer of one camera in one process.

They are the nodes that `tracker_node` and `localizer_node` run as processes of their own, with the
same names, topics, parameters and lifecycles; detections are associated in the tracker. Tracks go
from one to the other as they are, without DDS. Names and namespace of the process are those of the
tracker; the localizer is `localizer` in the same namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
import sys
from typing import TYPE_CHECKING, Any

from sam_tracker.nodes.camera_node import GRACE
from sam_tracker.nodes.localizer import localizer_node
from sam_tracker.nodes.localizer.localizer_node import LocalizerNode
from sam_tracker.nodes.tracker import tracker_node
from sam_tracker.nodes.tracker.tracker_node import TrackerNode
from sam_tracker.ros.images.encodings import ImageError
from sam_tracker.ros.messages.track_messages import track_array
from sam_tracker.ros.process.run_node import run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

if TYPE_CHECKING:
    from sam_tracker.nodes.tracker.tracked_image import TrackedImage

EXECUTOR_THREADS = tracker_node.EXECUTOR_THREADS + localizer_node.EXECUTOR_THREADS


class RobotNode(TrackerNode):
    """A tracker with its ``localizer``, which is to be spun as well."""

    def __init__(self, **options: object) -> None:
        """
        Make both nodes.

        :param options: keyword arguments of ``rclpy.node.Node``, for both.
        :raises ParameterError: a parameter of either is invalid.
        """
        # First of all: rclpy destroys a node whose constructor failed.
        self.localizer: LocalizerNode | None = None
        given: dict[str, Any] = dict(options)
        super().__init__(observers=[self._hand_over], **given)
        # Rules of a node take precedence over those of the process, which name the tracker.
        rules = given.pop('cli_args', None) or ['--ros-args']
        given['cli_args'] = [*rules, '-r', f'__node:={localizer_node.NAME}']
        try:
            self.localizer = LocalizerNode(tracks_from=self.get_fully_qualified_name(), **given)
        except BaseException:
            self.destroy_node()
            raise

    def destroy_node(self) -> None:
        localizer, self.localizer = self.localizer, None
        super().destroy_node()
        if localizer is not None:
            localizer.destroy_node()

    def _hand_over(self, tracked: TrackedImage) -> None:
        localizer = self.localizer
        if localizer is None or not localizer.active:
            return
        # The tracker has not decoded an image without objects; it reports one that is unreadable.
        with suppress(ImageError):
            height, width = tracked.pixels.shape[:2]
            header = tracked.image.message.header
            localizer.hand_over(track_array(header, width, height, tracked.tracks))


def main(args: Sequence[str] | None = None) -> int:
    """Run both nodes until they are asked to stop."""
    made: list[RobotNode] = []

    def make_node() -> RobotNode:
        made.append(RobotNode())
        return made[0]

    def others() -> list[LocalizerNode]:
        localizer = made[0].localizer
        return [] if localizer is None else [localizer]

    return run_node(
        'sam_tracker',
        make_node,
        args,
        make_executor=lambda: TolerantExecutor(num_threads=EXECUTOR_THREADS),
        others=others,
        grace=GRACE,
    )


if __name__ == '__main__':
    sys.exit(main())
