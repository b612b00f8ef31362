# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What sets EdgeTAM apart: names, sizes, fused branches, and many objects at once."""

from ast import literal_eval
import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from sam_tracker.networks.api import Memory, VideoNetwork
from sam_tracker.networks.edgetam.configuration import EdgeTamConfiguration
from sam_tracker.networks.edgetam.network import EdgeTamNetwork
from sam_tracker.networks.masks import memory_mask

from . import scene

KEYS = Path(__file__).parents[2] / 'data' / 'edgetam' / 'keys.txt'
SIZE = scene.CLIP_SIZE


def test_names_shapes_and_counts_are_those_of_the_checkpoint():
    with torch.device('meta'):
        network = EdgeTamNetwork(EdgeTamConfiguration())
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    pairs = (line.split(' ', 1) for line in KEYS.read_text().splitlines())
    assert shapes == {key: literal_eval(shape) for key, shape in pairs}
    assert sum(value.numel() for value in network.parameters()) == 13_895_794
    assert isinstance(network, VideoNetwork)


@pytest.mark.parametrize('image_size', [384, 128, 1280])
def test_an_input_that_windows_do_not_tile_is_refused(image_size):
    with pytest.raises(ValueError, match=f'multiple of 256 .* not {image_size}'):
        EdgeTamConfiguration(image_size=image_size)


def test_the_fused_trunk_has_no_branches_left(edgetam):
    network = copy.deepcopy(edgetam(SIZE))
    network.optimise(torch.device('cpu'), torch.float32, compiled=False)
    modules = list(network.image_encoder.trunk.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in modules)
    # The stem's two, three for each of 20 blocks, and for each of three halvings the three of
    # the block before, two that halve and two that mix; two more where channels are weighed.
    assert sum(isinstance(module, nn.Conv2d) for module in modules) == 2 + 3 * 20 + 7 * 3 + 2 * 10


@pytest.mark.parametrize('objects', [2, 5])
def test_objects_together_are_answered_as_each_alone(edgetam, objects, assert_close):
    network = edgetam(SIZE)
    features = network.encode_image(torch.from_numpy(scene.noise(1, 3, SIZE, SIZE, seed=1)))
    masks = memory_mask(torch.from_numpy(5 * scene.noise(objects, 1, SIZE, SIZE, seed=2)), False)
    logits = torch.linspace(-1, 1, objects)
    encoded = network.encode_memory(features.embedding, masks, logits)
    assert encoded.shape == (objects, 512, 64)
    memory = Memory(
        tokens=torch.stack((encoded, encoded.flip(0)), dim=1),
        positions=torch.tensor([[6, 0]]).repeat(objects, 1),
        pointers=torch.from_numpy(scene.noise(objects, 3, 256, seed=3)),
        pointer_distances=torch.ones(objects, 3),
    )
    points = SIZE * torch.rand(objects, 1, 2, generator=torch.manual_seed(4))
    labels = torch.ones(objects, 1, dtype=torch.int64)

    def answered(rows):
        conditioned = network.attend_to_memory(
            features.embedding,
            Memory(
                memory.tokens[rows],
                memory.positions[rows],
                memory.pointers[rows],
                memory.pointer_distances[rows],
            ),
        )
        prompts = network.encode_prompts(points[rows], labels[rows])
        return network.decode(features, conditioned, prompts, several=True)

    together = answered(slice(None))
    for number in range(objects):
        row = slice(number, number + 1)
        alone = answered(row)
        assert_close(
            encoded[row], network.encode_memory(features.embedding, masks[row], logits[row])
        )
        assert_close(together.mask_logits[row], alone.mask_logits)
        assert_close(together.predicted_iou[row], alone.predicted_iou)
        assert_close(together.tokens[row], alone.tokens)
        assert (together.object_logit[row] - alone.object_logit).abs() < 1e-4
