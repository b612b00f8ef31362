# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Where checkpoint files are found, and what is known of the published ones."""

from pathlib import Path
import socket
import subprocess
import sys

import pytest
import torch

from sam_tracker.networks.registry import build_network, network_names
from sam_tracker.networks.sam2.configuration import CONFIGURATION_NAMES
from sam_tracker.networks.weights.catalogue import (
    KNOWN_CHECKPOINTS,
    CheckpointError,
    find_checkpoint,
)
from sam_tracker.networks.weights.loading import load_network

REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures('folders')


def test_the_known_names_are_the_names_of_networks():
    assert tuple(KNOWN_CHECKPOINTS) == network_names()
    assert all(known.name == name for name, known in KNOWN_CHECKPOINTS.items())


def test_the_published_figures_are_well_formed_and_differ():
    published = [known for known in KNOWN_CHECKPOINTS.values() if known.sha256]
    assert len(published) == 7
    assert len({known.sha256 for known in published}) == 7
    for known in published:
        assert len(bytes.fromhex(known.sha256)) == 32
        assert known.repository is not None and known.file_name.endswith(('.pt', '.pth'))
        # Four bytes for each value, and a few hundred for each tensor's place in the archive.
        with torch.device('meta'):
            state = build_network(known.name).state_dict()
        content = 4 * sum(tensor.numel() for tensor in state.values())
        assert 100 * len(state) < known.size - content < 500 * len(state)


def test_files_of_sam_2_1_are_named_as_meta_names_them():
    for name in CONFIGURATION_NAMES[1:]:
        known = KNOWN_CHECKPOINTS[name]
        assert known.repository == f'facebook/sam2.1-hiera-{name.replace("_", "-")}'
        assert known.file_name == f'sam2.1_hiera_{name}.pt'


def cached(folders, content=b'weights'):
    """Put the file of ``tiny`` into the cache of huggingface_hub, as that library does."""
    repository = folders / 'hub' / 'models--facebook--sam2.1-hiera-tiny'
    commit = 'c' * 40
    pointer = repository / 'snapshots' / commit / 'sam2.1_hiera_tiny.pt'
    for folder in (repository / 'blobs', repository / 'refs', pointer.parent):
        folder.mkdir(parents=True)
    (repository / 'refs' / 'main').write_text(commit)
    (repository / 'blobs' / 'sum').write_bytes(content)
    pointer.symlink_to(repository / 'blobs' / 'sum')
    return pointer


def test_a_name_is_looked_for_in_own_folder_then_package_then_cache(folders):
    downloaded = cached(folders)
    assert find_checkpoint('tiny') == downloaded
    assert find_checkpoint('sam2.1_hiera_tiny.pt') == downloaded
    for folder in ('bundled', 'own'):
        place = folders / folder / 'sam2.1_hiera_tiny.pt'
        place.write_bytes(b'weights')
        assert find_checkpoint('tiny') == place


def test_a_link_to_nothing_in_the_cache_is_not_found(folders):
    cached(folders).resolve().unlink()
    with pytest.raises(CheckpointError, match='download tiny'):
        find_checkpoint('tiny')


def test_a_bare_file_name_is_a_path_first_and_then_looked_for(folders):
    for folder in ('bundled', 'own'):
        place = folders / folder / 'tuned.pt'
        place.write_bytes(b'weights')
        assert find_checkpoint('tuned.pt') == place
    Path('tuned.pt').write_bytes(b'weights')
    assert find_checkpoint('tuned.pt') == Path('tuned.pt')


def test_a_name_is_never_a_path(folders):
    Path('tiny').write_bytes(b'some file that happens to be here')
    with pytest.raises(CheckpointError, match='download tiny'):
        find_checkpoint('tiny')
    assert find_checkpoint('./tiny') == Path('tiny')


def test_a_path_is_looked_for_nowhere_else(folders):
    (folders / 'own' / 'tuned.pt').write_bytes(b'weights')
    with pytest.raises(CheckpointError):
        find_checkpoint('./tuned.pt')


def test_the_home_folder_may_be_abbreviated(folders, monkeypatch):
    monkeypatch.setenv('HOME', str(folders))
    (folders / 'own' / 'tuned.pt').write_bytes(b'weights')
    assert find_checkpoint('~/own/tuned.pt') == folders / 'own' / 'tuned.pt'
    monkeypatch.setenv('SAM_TRACKER_CHECKPOINTS', '~/own')
    assert find_checkpoint('tuned.pt') == folders / 'own' / 'tuned.pt'


def test_without_the_variable_there_is_no_own_folder(folders, monkeypatch):
    (folders / 'own' / 'tuned.pt').write_bytes(b'weights')
    for unset in (
        lambda: monkeypatch.setenv('SAM_TRACKER_CHECKPOINTS', ''),
        lambda: monkeypatch.delenv('SAM_TRACKER_CHECKPOINTS'),
    ):
        unset()
        with pytest.raises(CheckpointError):
            find_checkpoint('tuned.pt')


def test_what_is_not_found_names_every_place_and_the_command(folders):
    with pytest.raises(CheckpointError) as failure:
        find_checkpoint('large')
    message = str(failure.value)
    for folder in ('own', 'bundled'):
        assert str(folders / folder / 'sam2.1_hiera_large.pt') in message
    assert f'facebook/sam2.1-hiera-large in {folders}/hub' in message
    assert message.endswith('download it with: sam_tracker-checkpoint download large')
    with pytest.raises(CheckpointError, match=r'sam_tracker-checkpoint download large$'):
        find_checkpoint('sam2.1_hiera_large.pt')


@pytest.mark.parametrize(
    'name', ['tinny', '', 'no/such/file.pt', '~nobody-of-that-name/a.pt', '\0']
)
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(CheckpointError) as failure:
        find_checkpoint(name)
    assert repr(name) in str(failure.value)
    assert 'nano, tiny, small, base_plus, large' in str(failure.value)


def test_a_folder_is_no_checkpoint(folders):
    with pytest.raises(CheckpointError, match=f'{folders}/own is a folder'):
        find_checkpoint(folders / 'own')


def test_a_name_too_long_for_a_file_is_refused(folders):
    with pytest.raises(CheckpointError, match='File name too long'):
        find_checkpoint('x' * 1000)


def test_weights_missing_from_the_package_are_said_to_be():
    with pytest.raises(CheckpointError, match='installation is incomplete'):
        find_checkpoint('nano')


def test_nothing_is_downloaded_at_run_time(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError('a connection was attempted')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    with pytest.raises(CheckpointError, match='sam_tracker-checkpoint download tiny'):
        load_network('tiny')
    check = (
        'import sys, sam_tracker.networks.weights.loading; '
        "assert 'sam_tracker.networks.weights.download' not in sys.modules"
    )
    subprocess.run([sys.executable, '-c', check], cwd=REPOSITORY, check=True)
