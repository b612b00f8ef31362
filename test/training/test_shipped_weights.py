# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from sam_tracker.networks.weights.catalogue import find_checkpoint
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.training.held_out import held_out_scores


@pytest.fixture(scope='module', params=['nano', 'mobile'])
def network(request):
    return load_network(request.param)


def test_the_bundled_weights_are_small_and_in_half_precision(network):
    path = find_checkpoint(network.name)
    saved = torch.load(path, map_location='cpu', weights_only=True)
    assert path.stat().st_size <= 10_000_000
    assert {value.dtype for value in saved['model'].values()} == {torch.float16}


def test_the_bundled_weights_tell_the_size_they_are_used_at(network):
    saved = torch.load(find_checkpoint(network.name), map_location='cpu', weights_only=True)
    assert saved['image_size'] == network.configuration.image_size


@pytest.mark.parametrize('prompt', ['box', 'mask'])
def test_the_bundled_weights_follow_what_they_never_saw(network, prompt):
    figures = held_out_scores(network, 'easy', clips=4, frames=16, prompt=prompt)
    assert figures['j'] > figures['static_box'] + 0.05
