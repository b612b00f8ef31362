# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The same weights with a smaller input, where that saves time."""

import pytest
import torch

from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.networks.weights.small_input import load_small_input

ON_CPU = Runtime(torch.device('cpu'))


def test_the_default_weights_have_a_small_input_on_a_cpu():
    network = load_network('mobile')
    small = load_small_input('mobile', network, ON_CPU)
    assert small.image_size == network.suited_settings.small_input < network.image_size
    # Pointers of both are kept in one store.
    token = torch.ones((1, small.memory_layout.pointer_channels))
    present = torch.ones(1)
    assert torch.equal(
        small.object_pointer(token, present), network.object_pointer(token, present)
    )


@pytest.mark.parametrize(('weights', 'side'), [('mobile', 128), ('nano', None)])
def test_there_is_none_where_it_saves_nothing(weights, side):
    assert load_small_input(weights, load_network(weights, side), ON_CPU) is None
