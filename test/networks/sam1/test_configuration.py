# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The published sizes of SAM, by the names, shapes and counts of Meta's checkpoints."""

from ast import literal_eval
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sam_tracker.networks.sam1.configuration import SAM1_NAMES, sam1_configuration
from sam_tracker.networks.sam1.network import Sam1Network

DATA = Path(__file__).parents[2] / 'data' / 'sam1'
PARAMETERS = {'sam_vit_b': 93_735_472, 'sam_vit_l': 312_342_832, 'sam_vit_h': 641_090_608}


def published_shapes(name):
    lines = (DATA / f'{name.removeprefix("sam_")}_keys.txt').read_text().splitlines()
    pairs = (line.split(' ', 1) for line in lines)
    return {key: literal_eval(shape) for key, shape in pairs}


@pytest.mark.parametrize('name', SAM1_NAMES)
def test_names_shapes_and_counts_are_those_of_the_checkpoint(name):
    with torch.device('meta'):
        network = Sam1Network(sam1_configuration(name))
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes == published_shapes(name)
    assert sum(value.numel() for value in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize('image_size', [512, 1008])
def test_another_input_needs_no_other_weights(image_size):
    with torch.device('meta'):
        network = Sam1Network(sam1_configuration('sam_vit_b', image_size))
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes == published_shapes('sam_vit_b')


def test_positions_are_interpolated_for_another_input():
    configuration = replace(
        sam1_configuration('sam_vit_b', 128),
        width=24,
        heads=2,
        blocks=2,
        global_blocks=(1,),
        position_grid=16,
    )
    network = Sam1Network(configuration).eval()
    # A position that grows from left to right still does, over the same range.
    ramp = torch.arange(16.0)[:, None].expand(1, 16, 16, 24)
    network.image_encoder.pos_embed.copy_(ramp)
    position = network.image_encoder.position(8)[0, 2, :, 0]
    assert position.diff().min() > 0
    torch.testing.assert_close(position[2:6], torch.arange(8.0)[2:6] * 2 + 0.5)
    features = network.encode_image(torch.randn(1, 3, 128, 128))
    assert features.embedding.shape == (1, 256, 8, 8)


@pytest.mark.parametrize(
    'changed,value',
    [
        ({'image_size': 1000}, '1000'),
        ({'image_size': 2048}, '2048'),
        ({'heads': 7}, '768'),
        ({'global_blocks': (12,)}, r'\(12,\)'),
    ],
)
def test_an_impossible_configuration_is_refused(changed, value):
    with pytest.raises(ValueError, match=value):
        replace(sam1_configuration('sam_vit_b'), **changed)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"'vit_b'.*sam_vit_b, sam_vit_l, sam_vit_h"):
        sam1_configuration('vit_b')
