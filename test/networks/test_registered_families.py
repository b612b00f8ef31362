# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Every network of the registry is recognised by its weights, whole or not."""

import pytest
import torch
from torch import nn

from sam_tracker.networks.registry import build_network, network_names, recognise
from sam_tracker.networks.weights.loading import misfit

NAMES = network_names()


def test_the_family_of_sam_is_complete():
    assert {'nano', 'tiny', 'small', 'base_plus', 'large', 'edgetam'} < set(NAMES)
    assert {'sam_vit_b', 'sam_vit_l', 'sam_vit_h'} < set(NAMES)


def shapes_of(name):
    with torch.device('meta'):
        network = build_network(name)
    assert isinstance(network, nn.Module)
    return network.state_dict()


@pytest.mark.parametrize('name', NAMES)
def test_weights_are_recognised_and_fit(name):
    state = shapes_of(name)
    assert recognise(state) == name
    assert misfit(state) == ''


@pytest.mark.parametrize('name', NAMES)
def test_one_key_too_many_or_too_few_is_named(name):
    state = shapes_of(name)
    last = list(state)[-1]
    assert misfit({**state, 'extra.weight': torch.zeros(1)}) == (
        f'does not fit the {name} network: 1 key unexpected (extra.weight)'
    )
    del state[last]
    assert misfit(state) == f'does not fit the {name} network: 1 key missing ({last})'


@pytest.mark.parametrize('name,size,step', [('edgetam', 384, 256), ('sam_vit_b', 1000, 16)])
def test_an_impossible_input_is_refused(name, size, step):
    with pytest.raises(ValueError, match=f'multiple of {step} from 128 to 1024, not {size}'):
        build_network(name, size)
