# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoint files, and folders in which no file of this machine is found."""

import pytest
import torch

from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights import catalogue as checkpoint_catalogue


@pytest.fixture(scope='module')
def nano():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Sam2Network(configuration_named('nano')).state_dict()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Let no file of this machine be found: use empty folders instead."""
    for folder in ('own', 'bundled', 'work'):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv('SAM_TRACKER_CHECKPOINTS', str(tmp_path / 'own'))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path / 'hub'))
    monkeypatch.setattr(checkpoint_catalogue, 'BUNDLED_FOLDER', tmp_path / 'bundled')
    monkeypatch.chdir(tmp_path / 'work')
    return tmp_path


@pytest.fixture
def saved(tmp_path):
    def save(content, **options):
        path = tmp_path / 'saved.pt'
        torch.save(content, path, **options)
        return path

    return save
