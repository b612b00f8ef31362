# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The published SAM 2.1 state dicts fit without a name being changed."""

import json
from pathlib import Path

import pytest
import torch

from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network

KEYS = Path(__file__).parents[2] / 'data'
PARAMETERS = {
    'tiny': 38_962_498,
    'small': 46_060_354,
    'base_plus': 80_850_178,
    'large': 224_446_642,
}


@pytest.mark.parametrize('name', PARAMETERS)
def test_names_and_shapes_are_those_of_the_published_checkpoint(name):
    published = {}
    for line in (KEYS / f'sam21_keys_{name}.txt').read_text().splitlines():
        key, shape = line.split(' ', 1)
        published[key] = json.loads(shape)
    with torch.device('meta'):
        network = Sam2Network(configuration_named(name))
    ours = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    assert ours == published
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]
