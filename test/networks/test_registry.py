# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which networks can be loaded, and what loads them."""

from dataclasses import replace
from pathlib import Path
import re

import pytest
import torch
from torch import nn

import sam_tracker
from sam_tracker.networks import registry
from sam_tracker.networks.api import NetworkFamily, VideoNetwork
from sam_tracker.networks.registry import build_network, network_names
from sam_tracker.networks.sam2.family import SAM2
from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.networks.weights.loading import load_image_network, load_network


class OnlyImages(nn.Module):
    """A network for single images, as far as loading reads it."""

    name = 'only_images'

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))


ONLY_IMAGES = NetworkFamily(
    'Only images',
    ('only_images',),
    lambda state_dict: 'only_images' if 'weight' in state_dict else None,
    lambda name, image_size: OnlyImages(),
)


@pytest.fixture
def second_family(monkeypatch):
    monkeypatch.setattr(registry, 'FAMILIES', (SAM2, ONLY_IMAGES))


def test_names_are_unique_and_each_builds_the_network_of_that_name():
    names = network_names()
    assert len(set(names)) == len(names)
    with torch.device('meta'):
        assert [build_network(name).name for name in names] == list(names)


def test_no_room_but_networks_and_training_names_the_class_of_a_network():
    package = Path(sam_tracker.__file__).parent
    named = [
        str(path.relative_to(package))
        for path in package.rglob('*.py')
        if re.search(r'\b(Sam2|Sam1|EdgeTam)Network\b', path.read_text())
    ]
    assert named
    assert {Path(name).parts[0] for name in named} <= {'networks', 'training'}


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown network 'vast'; choose from nano, tiny"):
        build_network('vast')


def test_the_bundled_network_is_a_video_network():
    assert isinstance(load_network('nano'), VideoNetwork)


def test_a_family_is_added_by_its_line_alone(second_family, tmp_path):
    path = tmp_path / 'weights.pt'
    torch.save({'weight': torch.arange(3.0)}, path)
    network = load_image_network(path)
    assert network.name == 'only_images' and not network.training
    assert network.weight.tolist() == [0, 1, 2]


def test_a_network_for_single_images_is_no_tracker(second_family, tmp_path):
    path = tmp_path / 'weights.pt'
    torch.save({'weight': torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match='only_images segments single images and cannot tr'):
        load_network(path)


def test_settings_are_those_of_the_size():
    with torch.device('meta'):
        large, tiny, nano = (build_network(name) for name in ('large', 'tiny', 'nano'))
    assert large.suited_settings == replace(tiny.suited_settings, motion_weight=0.15)
    assert nano.suited_settings.presence_logit == 0
