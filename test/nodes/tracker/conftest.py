# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network for trackers of this process, and a node of its own for a part of one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.nodes.network_setup import NetworkSetup, set_up_network
from sam_tracker.ros.parameters.network import NetworkParameters

from ...conftest import unused_domain


@pytest.fixture(scope='module')
def random_setup(random_checkpoint) -> NetworkSetup[VideoNetwork]:
    """Random weights, loaded as the nodes of this process are given them."""
    return set_up_network(
        NetworkParameters(
            checkpoint=str(random_checkpoint),
            device='cpu',
            precision='float32',
            cpu_threads=1,
            image_size=128,
        )
    )


@contextmanager
def lone_node() -> Iterator[tuple[Node, SingleThreadedExecutor]]:
    """Yield a node in a domain that nobody else uses, and the executor that is to spin it."""
    with unused_domain() as domain:
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        node = Node('subject', context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        yield node, executor
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
