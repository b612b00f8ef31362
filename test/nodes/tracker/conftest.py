# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network for trackers of this process."""

import pytest

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.nodes.network_setup import NetworkSetup, set_up_network
from sam_tracker.ros.parameters.network import NetworkParameters


@pytest.fixture(scope='module')
def random_setup(random_checkpoint) -> NetworkSetup[VideoNetwork]:
    """Random weights, loaded as the nodes of this process are given them."""
    return set_up_network(
        NetworkParameters(
            checkpoint=str(random_checkpoint), device='cpu', precision='float32', cpu_threads=1
        )
    )
