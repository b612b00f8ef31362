# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Files that fit no network, are damaged, or are not what they seem are refused in one line."""

import argparse
import os
import pickle
from zipfile import ZIP_STORED, ZipFile

from hypothesis import given, settings, strategies
import pytest
import torch

from sam_tracker.networks.weights import catalogue as checkpoint_catalogue
from sam_tracker.networks.weights.catalogue import (
    CheckpointError,
    KnownCheckpoint,
    sha256_of,
)
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.networks.weights.state_dict_file import read_checkpoint

pytestmark = pytest.mark.usefixtures('folders')


def refused(path):
    with pytest.raises(CheckpointError) as failure:
        load_network(path)
    message = str(failure.value)
    assert '\n' not in message
    assert str(path) in message
    return message


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
