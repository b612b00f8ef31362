# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Each part of EdgeTAM on the weights and inputs for which Meta's own answers are recorded."""

import copy

import pytest
import torch

from sam_tracker.networks.api import Memory
from sam_tracker.networks.masks import memory_mask

from . import scene

SIZE = scene.MODULE_SIZE


@pytest.fixture(scope='module', params=['as trained', 'fused'])
def network(request, edgetam):
    network = copy.deepcopy(edgetam(SIZE))
    if request.param == 'fused':
        network.optimise(torch.device('cpu'), torch.float32, compiled=False)
    return network


@pytest.fixture(scope='module')
def images():
    return torch.from_numpy(scene.noise(1, 3, SIZE, SIZE, seed=1))


@pytest.fixture(scope='module')
def features(network, images):
    with torch.inference_mode():
        return network.encode_image(images)


def test_stages_of_the_trunk_are_alike(network, images, reference, assert_close):
    for number, stage in enumerate(network.image_encoder.trunk(images)):
        assert_close(stage[0, ::4, ::4, ::6].permute(2, 0, 1), reference[f'stage_{number}'])


def test_an_image_is_encoded_alike(features, reference, assert_close):
    fine, middle = features.high_resolution
    assert_close(features.embedding[0, ::4, ::2, ::2], reference['embedding'])
    assert_close(middle[0, ::4, ::4, ::4], reference['middle'])
    assert_close(fine[0, ::4, ::8, ::8], reference['fine'])


def test_a_memory_is_compressed_alike(network, reference, assert_close):
    memory = torch.from_numpy(scene.noise(1, 64, SIZE // 16, SIZE // 16, seed=2))
    compressed = network.spatial_perceiver(memory, network.map_position)
    assert_close(compressed[0, ::2], reference['perceived'])


def test_memories_are_attended_to_alike(network, features, reference, assert_close):
    memory = Memory(
        tokens=torch.from_numpy(scene.noise(3, 512, 64, seed=3))[None],
        positions=torch.tensor([[6, 0, 3]]),
        pointers=torch.from_numpy(scene.noise(2, 256, seed=4))[None],
        pointer_distances=torch.tensor([[1.0, 7.0]]),
    )
    attended = network.attend_to_memory(features.embedding, memory)
    assert_close(attended[0].flatten(1).T[::4, ::2], reference['attended'])


def test_a_memory_is_encoded_alike(network, features, reference, assert_close):
    logits = torch.from_numpy(5 * scene.noise(1, 1, SIZE, SIZE, seed=5))
    # An object that is absent leaves no mark of its own: EdgeTAM has learned none.
    encoded = network.encode_memory(
        features.embedding, memory_mask(logits, binary=False), torch.tensor([-3.0])
    )
    assert_close(encoded[0, ::2], reference['encoded'])
