# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Networks are loaded from the files that fit them."""

from pathlib import Path

import pytest
import torch

from sam_tracker.networks.registry import recognise
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.weights.catalogue import (
    CheckpointError,
)
from sam_tracker.networks.weights.loading import load_network, misfit
from sam_tracker.networks.weights.state_dict_file import read_checkpoint

DATA = Path(__file__).parents[2] / 'data'
pytestmark = pytest.mark.usefixtures('folders')


def published(name):
    """Make a state dict of the published names and shapes, without values."""
    lines = (DATA / f'sam21_keys_{name}.txt').read_text().splitlines()
    split = (line.rstrip(']').rsplit(' [', 1) for line in lines if line)
    return {
        key: torch.empty([int(size) for size in shape.split(',')], device='meta')
        for key, shape in split
    }


def test_a_file_is_loaded_as_published_or_as_a_plain_state_dict(nano, saved):
    for content in ({'model': nano}, nano):
        network = load_network(saved(content))
        assert network.configuration == configuration_named('nano')
        assert not network.training
        held = network.state_dict()
        assert list(held) == list(nano)
        assert all(torch.equal(held[key], value) for key, value in nano.items())


def test_a_file_of_the_older_format_is_loaded(nano, saved):
    path = saved({'model': nano}, _use_new_zipfile_serialization=False)
    state = read_checkpoint(path).state_dict
    assert all(torch.equal(state[key], value) for key, value in nano.items())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(nano, saved, dtype):
    state = read_checkpoint(
        saved({key: value.to(dtype) for key, value in nano.items()})
    ).state_dict
    assert all(value.dtype == torch.float32 for value in state.values())
    assert all(torch.equal(state[key], value.to(dtype).float()) for key, value in nano.items())


def test_the_network_outlives_the_file(nano, saved):
    path = saved(nano)
    network = load_network(path)
    with path.open('r+b') as file:
        file.write(bytes(path.stat().st_size))
    assert all(torch.equal(value, nano[key]) for key, value in network.state_dict().items())


def test_an_image_size_may_be_chosen(nano, saved):
    assert load_network(saved(nano), image_size=256).configuration.image_size == 256
    with pytest.raises(ValueError, match='100'):
        load_network(saved(nano), image_size=100)


def test_a_name_loads_what_lies_in_the_folder(nano, folders):
    torch.save(nano, folders / 'bundled' / 'nano.pt')
    assert load_network('nano').configuration.name == 'nano'


def test_a_name_whose_file_holds_another_size_is_refused(nano, folders):
    path = folders / 'own' / 'sam2.1_hiera_tiny.pt'
    torch.save({'model': nano}, path)
    with pytest.raises(CheckpointError) as failure:
        load_network('tiny')
    assert str(failure.value) == f'{path}: holds nano, not tiny'


@pytest.mark.parametrize('name', ['tiny', 'small', 'base_plus', 'large'])
def test_published_sizes_are_recognised_and_fit(name):
    state = published(name)
    assert recognise(state) == name
    assert misfit(state) == ''
    del state['image_encoder.trunk.patch_embed.proj.bias']
    assert recognise(state) == name
    assert '1 key missing (image_encoder.trunk.patch_embed.proj.bias)' in misfit(state)


def test_a_network_of_no_known_size_is_unknown(nano):
    for other in (
        {},
        {'weight': torch.zeros(3)},
        {**nano, 'image_encoder.trunk.blocks.8.norm1.weight': torch.zeros(3)},
        {**nano, 'image_encoder.trunk.patch_embed.proj.bias': torch.zeros(48)},
        {**nano, 'no_mem_embed': torch.zeros(1, 1, 256)},
    ):
        assert recognise(other) is None
