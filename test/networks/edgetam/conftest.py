# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""EdgeTAM with the weights for which the reference's answers are recorded."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from sam_tracker.networks.edgetam.configuration import EdgeTamConfiguration
from sam_tracker.networks.edgetam.network import EdgeTamNetwork

from ..seeded_weights import seeded_weights

REFERENCE = Path(__file__).parents[2] / 'data' / 'edgetam' / 'reference.npz'


@pytest.fixture(scope='session')
def reference():
    with np.load(REFERENCE) as file:
        return {name: torch.from_numpy(file[name]) for name in file if name != 'versions'}


@pytest.fixture(scope='session')
def edgetam(reference):
    """Build the network for an image size, each once a session; not to be changed."""
    return functools.cache(functools.partial(seeded_edgetam, seed=int(reference['seed'])))


def seeded_edgetam(image_size, seed):
    with torch.inference_mode(False):
        network = EdgeTamNetwork(EdgeTamConfiguration(image_size=image_size)).eval()
        state = network.state_dict()
        weights = seeded_weights({name: value.shape for name, value in state.items()}, seed)
        network.load_state_dict(
            state | {name: torch.from_numpy(value) for name, value in weights.items()}
        )
    return network.requires_grad_(False)
