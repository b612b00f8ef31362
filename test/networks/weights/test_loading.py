# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Finding checkpoint files, and what is loaded from them or refused."""

import argparse
import os
from pathlib import Path
import pickle
import socket
import subprocess
import sys
from zipfile import ZIP_STORED, ZipFile

from hypothesis import given, settings, strategies
import pytest
import torch

from sam_tracker.networks.registry import build_network, network_names, recognise
from sam_tracker.networks.sam2.configuration import CONFIGURATION_NAMES, configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights import catalogue as checkpoint_catalogue
from sam_tracker.networks.weights.catalogue import (
    KNOWN_CHECKPOINTS,
    CheckpointError,
    KnownCheckpoint,
    find_checkpoint,
    sha256_of,
)
from sam_tracker.networks.weights.loading import load_network, misfit
from sam_tracker.networks.weights.state_dict_file import read_checkpoint

DATA = Path(__file__).parents[2] / 'data'
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope='module')
def nano():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Sam2Network(configuration_named('nano')).state_dict()


@pytest.fixture(autouse=True)
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


def published(name):
    """Make a state dict of the published names and shapes, without values."""
    lines = (DATA / f'sam21_keys_{name}.txt').read_text().splitlines()
    split = (line.rstrip(']').rsplit(' [', 1) for line in lines if line)
    return {
        key: torch.empty([int(size) for size in shape.split(',')], device='meta')
        for key, shape in split
    }


def refused(path):
    with pytest.raises(CheckpointError) as failure:
        load_network(path)
    message = str(failure.value)
    assert '\n' not in message
    assert str(path) in message
    return message


# Finding


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


# Loading


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


# Refusing


def test_a_missing_key_is_named(nano, saved):
    kept = {key: value for key, value in nano.items() if key != 'no_obj_ptr'}
    assert refused(saved(kept)).endswith(
        'does not fit the nano network: 1 key missing (no_obj_ptr)'
    )


def test_many_missing_keys_are_counted_and_the_first_named(nano, saved):
    gone = [key for key in nano if key.startswith('memory_encoder.')]
    message = refused(saved({key: nano[key] for key in nano if key not in gone}))
    assert f'{len(gone)} keys missing ({", ".join(gone[:3])}, ...)' in message


def test_an_unexpected_key_is_named(nano, saved):
    message = refused(saved({**nano, 'head.weight': torch.zeros(1)}))
    assert message.endswith('1 key unexpected (head.weight)')


def test_another_shape_is_named_with_both(nano, saved):
    message = refused(saved({**nano, 'no_obj_ptr': torch.zeros(1, 2)}))
    assert message.endswith('1 key of another shape (no_obj_ptr [1, 2] instead of [1, 96])')


def test_everything_that_is_wrong_is_told_at_once(nano, saved):
    content = {**nano, 'no_obj_ptr': torch.zeros(1, 2), 'head': torch.zeros(1)}
    del content['no_mem_embed']
    message = refused(saved(content))
    assert '1 key missing (no_mem_embed); 1 key unexpected (head); 1 key of another' in message


def test_the_first_sam_2_is_recognised_as_such(nano, saved):
    new = ('no_obj_embed_spatial', 'obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias')
    message = refused(saved({key: value for key, value in nano.items() if key not in new}))
    assert message.endswith('it looks like SAM 2, and SAM 2.1 is needed')


def test_another_architecture_is_named_by_what_it_holds(saved):
    message = refused(saved({'layer.0.weight': torch.zeros(3), 'layer.0.bias': torch.zeros(3)}))
    assert 'holds another architecture: 2 tensors (layer.0.weight, layer.0.bias' in message
    assert 'nano, tiny, small, base_plus, large' in message


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_a_tensor_that_claims_more_values_than_the_file_holds_is_refused(nano, saved, dtype):
    claimed = torch.zeros(1, dtype=dtype).expand(10**12)
    message = refused(saved({**nano, 'no_obj_ptr': claimed}))
    assert message.endswith('no_obj_ptr claims 1000000000000 values, more than the file holds')


@pytest.mark.parametrize(
    ('key', 'named'),
    [
        (f'image_encoder.trunk.blocks.{"9" * 5000}.x', 'image_encoder.trunk.blocks.9999'),
        ('two\nlines\x1b[2J', r"'two\nlines\x1b[2J'"),
        (('a', 'tuple'), "('a', 'tuple')"),
    ],
)
def test_a_key_that_makes_no_sense_is_named_briefly(nano, saved, key, named):
    message = refused(saved({**nano, key: torch.zeros(1)}))
    assert f'1 key unexpected ({named}' in message
    assert message.isprintable() and len(message) < 400


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_values_that_are_not_finite_are_refused_by_key(nano, saved, value):
    broken = nano['no_obj_ptr'].clone()
    broken[0, 5] = value
    message = refused(saved({**nano, 'no_obj_ptr': broken}))
    assert message.endswith('no_obj_ptr holds values that are not finite')


def test_great_values_are_not_taken_for_infinite(saved):
    great = torch.full((2, 8), 3e38)
    assert torch.equal(read_checkpoint(saved({'weight': great})).state_dict['weight'], great)


@pytest.mark.parametrize(
    ('value', 'named'),
    [
        (3, 'a value of type int'),
        ({'a': 1}, 'a dict with the keys a'),
        (torch.zeros(3, dtype=torch.int8), 'tensor of torch.int8'),
        (torch.zeros(3, dtype=torch.complex64), 'tensor of torch.complex64'),
        (torch.zeros(3).to_sparse(), 'torch.sparse_coo tensor'),
        (torch.zeros(3, device='meta'), 'on meta'),
    ],
)
def test_an_entry_that_is_no_weight_is_named(nano, saved, value, named):
    message = refused(saved({**nano, 'no_obj_ptr': value}))
    assert 'no_obj_ptr' in message
    assert named in message


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        ([torch.zeros(3)], 'a value of type list'),
        (torch.zeros(3), 'tensor of torch.float32'),
        ({}, 'an empty dict'),
        ({'model': {}}, 'an empty dict'),
        ({'model': None, 'epoch': 3}, 'a value of type NoneType'),
        ({'epoch': 3, 'optimizer': {}}, 'epoch'),
    ],
)
def test_a_file_without_a_state_dict_is_told_by_what_it_holds(saved, content, named):
    assert named in refused(saved(content))


class Evil:
    """Runs a command when it is unpickled, as any pickle may."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_file_is_never_executed(nano, saved, tmp_path):
    for options in ({}, {'_use_new_zipfile_serialization': False}):
        path = saved({'model': nano, 'extra': Evil(tmp_path / 'executed')}, **options)
        assert 'mkdir objects, and only tensors are read' in refused(path)
        path.write_bytes(pickle.dumps(Evil(tmp_path / 'executed'), protocol=2))
        assert 'only tensors are read' in refused(path) or 'damaged' in refused(path)
    assert not (tmp_path / 'executed').exists()


def test_objects_that_are_no_tensors_are_named_and_no_advice_is_given_to_trust_them(saved):
    message = refused(saved({'args': argparse.Namespace(lr=1)}))
    assert message.endswith('holds argparse.Namespace objects, and only tensors are read')


@pytest.mark.parametrize('kept', [10, 1000, 0.5, 0.99, -1])
def test_a_truncated_file_is_said_to_be(nano, saved, kept):
    path = saved(nano)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert 'truncated' in refused(path)


def test_a_truncated_file_of_the_older_format_is_refused(nano, saved):
    path = saved(nano, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    for count in (10, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:count])
        refused(path)


def test_one_flipped_bit_is_found(nano, saved):
    path = saved(nano)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert 'damaged: saved/data/' in refused(path)


def test_a_file_saved_without_checksums_is_loaded(nano, saved):
    if not hasattr(torch.serialization, 'set_crc32_options'):
        pytest.skip('this torch always writes checksums')
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(nano)
    finally:
        torch.serialization.set_crc32_options(before)
    with ZipFile(path) as archive:
        assert all(info.CRC == 0 for info in archive.infolist())
    assert load_network(path).configuration.name == 'nano'


def test_a_published_file_is_loaded_whatever_its_checksums_say(nano, saved, monkeypatch):
    path = saved(nano)
    content = path.read_bytes()
    with ZipFile(path) as archive:
        checksum = archive.getinfo('saved/data.pkl').CRC.to_bytes(4, 'little')
    path.write_bytes(content.replace(checksum, b'\1\2\3\4'))
    assert 'damaged: saved/data.pkl' in refused(path)
    known = KnownCheckpoint('nano', 'nano.pt', sha256=sha256_of(path))
    monkeypatch.setattr(checkpoint_catalogue, 'KNOWN_CHECKPOINTS', {'nano': known})
    assert load_network(path).configuration.name == 'nano'


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        (b'', 'empty'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\n', 'Git LFS pointer'),
        (b'<!DOCTYPE html><html>', 'a web page'),
        (b'\n  <?xml version="1.0"?>', 'a web page'),
        (b'\x08\0\0\0\0\0\0\0{"a": 1}', 'safetensors'),
        (b'PK\3\4 and nothing more', 'truncated'),
        (b'\x89PNG\r\n\x1a\n', 'not written by torch.save'),
        (bytes(1000), 'not written by torch.save'),
    ],
)
def test_what_is_taken_for_a_checkpoint_by_mistake_is_named(tmp_path, content, named):
    path = tmp_path / 'mistaken.pt'
    path.write_bytes(content)
    assert named in refused(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / 'mistaken.pt'
    with ZipFile(path, 'w', ZIP_STORED) as archive:
        archive.writestr('readme.txt', 'no weights here')
    assert 'no checkpoint' in refused(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r'cannot read .*gone\.pt: No such file'):
        read_checkpoint(tmp_path / 'gone.pt')
    with pytest.raises(CheckpointError, match='Is a directory'):
        read_checkpoint(tmp_path)


@settings(max_examples=150, deadline=None)
@given(data=strategies.data(), zipped=strategies.booleans())
def test_a_damaged_file_is_refused_or_loads_the_same(tmp_path_factory, data, zipped):
    path = tmp_path_factory.mktemp('damaged') / 'saved.pt'
    whole = {'a.weight': torch.arange(6.0), 'b.weight': torch.ones(2, 3)}
    torch.save(whole, path, _use_new_zipfile_serialization=zipped)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(strategies.integers(1, 3))):
        place = data.draw(strategies.integers(0, len(content) - 1))
        content[place] = data.draw(strategies.integers(0, 255))
    path.write_bytes(content[: data.draw(strategies.integers(0, len(content)))])
    try:
        state = read_checkpoint(path).state_dict
    except CheckpointError as error:
        assert '\n' not in str(error)
        return
    # The older format has no checksums: there, damage within values shows only if not finite.
    if zipped:
        assert {key: value.tolist() for key, value in state.items()} == {
            key: value.tolist() for key, value in whole.items()
        }


def test_a_program_is_refused(nano, saved):
    path = saved(nano)
    with ZipFile(path, 'a') as archive:
        # By this record torch tells TorchScript from tensors.
        archive.writestr('saved/constants.pkl', pickle.dumps(()))
    assert 'a TorchScript program' in refused(path)
