# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Tracker nodes for several cameras in one process, on one network.

Each image topic of the parameter ``cameras`` gets a tracker node of its own, in the namespace of
the topic: the tracks of ``/left/image_raw`` are on ``/left/sam_tracker/tracks``. Each has its own
thread, images, objects, parameters and lifecycle, so that a camera that is dead, slow or sends
unreadable images does not affect the others. The network is loaded once; images that wait for it
are encoded in one batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
import os
import sys
from typing import TYPE_CHECKING

from rclpy.exceptions import ParameterUninitializedException
from rclpy.node import Node
from rclpy.parameter import Parameter
import torch

from sam_tracker.networks.shared_encoding import shared_by_threads
from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.nodes.camera_node import GRACE
from sam_tracker.nodes.network_setup import NetworkSetup, set_up_network
from sam_tracker.nodes.tracker.tracker_node import EXECUTOR_THREADS, TrackerNode
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.network import NetworkParameters
from sam_tracker.ros.parameters.node_parameters import NodeParameters
from sam_tracker.ros.process.run_node import one_line, run_node
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor

if TYPE_CHECKING:
    from sam_tracker.networks.api import VideoNetwork

MOST_CAMERAS = 16
"""Each takes five threads and the memory of its images and objects."""
CAMERAS = 'cameras'


class CamerasNode(Node):
    """Holds the network and the list of cameras; ``trackers`` do the work."""

    def __init__(self, **options: object) -> None:
        """
        Load the network and make a tracker node for each camera.

        :param options: keyword arguments of ``rclpy.node.Node``.
        :raises ParameterError: a parameter is invalid.
        :raises CheckpointError: the weights cannot be loaded.
        """
        self.trackers: list[TrackerNode] = []
        super().__init__('cameras', **options)
        self.declare_parameter(CAMERAS, Parameter.Type.STRING_ARRAY)
        try:
            given = self.get_parameter(CAMERAS).value
        except ParameterUninitializedException:
            given = ()
        namespaces = camera_namespaces([self._full_name(topic) for topic in given or ()])
        parameters = NodeParameters(self, NetworkParameters).values
        if parameters.cpu_threads is None:
            # The cameras share the cores; threads that wait for each other would spin.
            torch.set_num_threads(max((os.cpu_count() or 1) // len(namespaces), 1))
        loaded = set_up_network(parameters)
        setup = replace(loaded, network=shared_by_threads(loaded.network))
        try:
            for topic, namespace in namespaces.items():
                self.trackers.append(_tracker(topic, namespace, setup, options))
        except BaseException:
            self.destroy_node()
            raise
        names = ', '.join(tracker.get_fully_qualified_name() for tracker in self.trackers)
        self.get_logger().info(f'{setup.description}, shared by {names}')

    def destroy_node(self) -> None:
        for tracker in self.trackers:
            tracker.destroy_node()
        super().destroy_node()

    def _full_name(self, topic: str) -> str:
        try:
            return self.resolve_topic_name(topic)
        except RuntimeError as error:
            raise ParameterError(
                f'{CAMERAS} has the topic {topic!r}: {one_line(error)}'
            ) from error

    @property
    def executor_threads(self) -> int:
        """Threads of the executor that spins this node and its trackers."""
        return 1 + EXECUTOR_THREADS * len(self.trackers)


def camera_namespaces(topics: Sequence[str]) -> dict[str, str]:
    """
    Return the namespaces of image topics, by topic.

    :param topics: full names.
    :raises ParameterError: there are none, or too many, or two have the same namespace.
    """
    if not topics:
        raise ParameterError(
            f'{CAMERAS} is empty: it is a list of image topics, such as '
            '[/left/image_raw, /right/image_raw]'
        )
    if len(topics) > MOST_CAMERAS:
        raise ParameterError(f'{CAMERAS} has {len(topics)} topics; at most {MOST_CAMERAS} may be')
    namespaces = {topic: topic.rpartition('/')[0] or '/' for topic in topics}
    ((namespace, count),) = Counter(namespaces[topic] for topic in topics).most_common(1)
    if count > 1:
        raise ParameterError(
            f'{CAMERAS} has {count} topics in the namespace {namespace}, which names the outputs: '
            'each camera needs one of its own'
        )
    return namespaces


def _tracker(
    topic: str,
    namespace: str,
    setup: NetworkSetup[VideoNetwork],
    options: dict[str, object],
) -> TrackerNode:
    # Rules of a node take precedence over those of the process, which hold for all nodes.
    rules = ('-r', f'__ns:={namespace}', '-r', '__node:=sam_tracker', '-r', f'image:={topic}')
    try:
        return TrackerNode(
            setup=setup, context=options.get('context'), cli_args=['--ros-args', *rules]
        )
    except ParameterError as error:
        raise ParameterError(f'the tracker of {topic}: {error}') from error


def main(args: Sequence[str] | None = None) -> int:
    """Run the nodes until they are asked to stop."""
    made: list[CamerasNode] = []

    def make_node() -> CamerasNode:
        made.append(CamerasNode())
        return made[0]

    return run_node(
        'cameras',
        make_node,
        args,
        refusals=(CheckpointError,),
        make_executor=lambda: TolerantExecutor(num_threads=made[0].executor_threads),
        others=lambda: made[0].trackers,
        grace=GRACE,
    )


if __name__ == '__main__':
    sys.exit(main())
