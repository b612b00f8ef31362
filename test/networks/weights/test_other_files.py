# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Weights as written by trainers, compilers and Hugging Face, and files that resemble them."""

from ast import literal_eval
import json
from pathlib import Path
import pickle
import struct

import numpy as np
import pytest
import torch

from sam_tracker.networks.registry import recognise
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights.catalogue import CheckpointError, find_checkpoint
from sam_tracker.networks.weights.huggingface_names import from_huggingface
from sam_tracker.networks.weights.loading import load_network, misfit
from sam_tracker.networks.weights.state_dict_file import read_checkpoint

DATA = Path(__file__).parents[2] / 'data'


@pytest.fixture(scope='module')
def nano():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Sam2Network(configuration_named('nano')).state_dict()


def prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


WRAPPERS = {
    'bare': lambda state: state,
    'under the key model': lambda state: {'model': state, 'epoch': 3},
    'under the key state_dict': lambda state: {'state_dict': state, 'global_step': 10},
    'under the key model_state_dict': lambda state: {
        'model_state_dict': state,
        'optimizer': {'state': {}, 'param_groups': [{'lr': 1e-5}]},
    },
    'without the prefix module.': lambda state: {'model': prefixed('module.', state)},
    'without the prefix _orig_mod.': lambda state: prefixed('_orig_mod.', state),
    'without the prefix model.': lambda state: {'state_dict': prefixed('model.', state)},
    'without the prefix module._orig_mod.': lambda state: prefixed('module._orig_mod.', state),
    'scores': lambda state: {
        'model': state,
        'best': np.float64(0.5),
        'loss': np.float32(1.5),
        'step': np.int64(7),
    },
}


@pytest.mark.parametrize('way', WRAPPERS)
def test_weights_are_taken_out_of_what_is_around_them(tmp_path, nano, way):
    path = tmp_path / 'trained.pt'
    torch.save(WRAPPERS[way](nano), path)
    network = load_network(path)
    assert network.name == 'nano'
    for key, value in network.state_dict().items():
        assert torch.equal(value, nano[key])
    if way not in {'bare', 'scores'}:
        assert way in read_checkpoint(path).reading


def test_a_prefix_that_only_some_names_have_is_no_prefix(tmp_path, nano):
    path = tmp_path / 'half.pt'
    half = {('module.' if 'decoder' in key else '') + key: nano[key] for key in nano}
    torch.save(half, path)
    with pytest.raises(CheckpointError, match=r'unexpected \(module\.sam_mask_decoder'):
        load_network(path)


def test_no_other_object_is_made_than_numbers(tmp_path, nano):
    path = tmp_path / 'object.pt'
    torch.save({'model': nano, 'object': np.array([{}], dtype=object)}, path)
    with pytest.raises(CheckpointError, match=r'holds .* objects, and only tensors are read'):
        load_network(path)


class Code:
    def __reduce__(self):
        return print, ('executed',)


def test_code_in_a_file_is_not_executed(tmp_path, nano, capsys):
    for number, save in enumerate((torch.save, lambda content, path: pickled(content, path))):
        path = tmp_path / f'{number}.pt'
        save({'model': nano, 'code': Code()}, path)
        with pytest.raises(CheckpointError):
            load_network(path)
    assert 'executed' not in capsys.readouterr().out


def pickled(content, path):
    path.write_bytes(pickle.dumps(content))


def safetensors(path, tensors, metadata=None):
    """Write a file by the description of the format."""
    names = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16'}
    header, content = {} if metadata is None else {'__metadata__': metadata}, b''
    for key, value in tensors.items():
        stored = value.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        header[key] = {
            'dtype': names[value.dtype],
            'shape': list(value.shape),
            'data_offsets': [len(content), len(content) + len(stored)],
        }
        content += stored
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(text)) + text + content)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_a_safetensors_file_is_read(tmp_path, nano, dtype):
    path = tmp_path / 'nano.safetensors'
    narrow = {key: value.to(dtype) for key, value in nano.items()}
    safetensors(path, narrow, metadata={'format': 'pt'})
    state = load_network(path).state_dict()
    assert all(torch.equal(state[key], narrow[key].float()) for key in nano)
    assert read_checkpoint(path).reading == 'a safetensors file'


def test_a_file_that_the_safetensors_package_wrote_is_read(tmp_path, nano):
    save_file = pytest.importorskip('safetensors.torch').save_file
    path = tmp_path / 'nano.safetensors'
    save_file({key: value.contiguous() for key, value in nano.items()}, path)
    state = load_network(path).state_dict()
    assert all(torch.equal(state[key], nano[key]) for key in nano)


def test_a_folder_of_transformers_stands_for_the_weights_in_it(tmp_path, nano):
    safetensors(tmp_path / 'model.safetensors', nano)
    assert find_checkpoint(tmp_path) == tmp_path / 'model.safetensors'
    assert load_network(tmp_path).name == 'nano'


def headed(**entry):
    """Return a safetensors file of eight bytes of content with one entry in its header."""
    described = {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]} | entry
    text = json.dumps({'weight': described}).encode()
    return struct.pack('<Q', len(text)) + text + bytes(8)


@pytest.mark.parametrize(
    'content,named',
    [
        (headed(shape=[2_500_000_000], data_offsets=[0, 10_000_000_000]), '2500000000 values'),
        (headed(shape=[3]), '3 values'),
        (headed(data_offsets=[4, 12]), 'bytes 4 to 12 of 8'),
        (headed(data_offsets=[8, 0]), 'bytes 8 to 0'),
        (headed(dtype='F8_E4M3'), "'weight' is not of one of the types"),
        (headed(shape=[-2, -1]), 'no valid shape'),
        (headed(shape='2'), 'no valid shape'),
        (headed(data_offsets=[0]), 'no valid shape and place'),
        (struct.pack('<Q', 10**12) + b'{"a', 'truncated'),
        (struct.pack('<Q', 8) + b'{"a": 1}', 'describes'),
        (struct.pack('<Q', 8) + b'{"a: {}}', 'no JSON'),
        (struct.pack('<Q', 60_000) + b'{"a":' + b'[' * 60_000, 'no JSON'),
        (headed()[:-3], 'truncated or damaged'),
    ],
)
def test_a_damaged_safetensors_file_is_refused_in_one_line(tmp_path, content, named):
    path = tmp_path / 'damaged.safetensors'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=named) as caught:
        load_network(path)
    assert str(caught.value).startswith(f'{path}: ') and '\n' not in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(path))


def test_the_names_of_hugging_face_are_those_of_edgetam():
    lines = (DATA / 'edgetam' / 'huggingface_keys.txt').read_text().splitlines()
    shapes = dict(line.split(' ', 1) for line in lines)
    state = from_huggingface({key: torch.empty(literal_eval(s)) for key, s in shapes.items()})
    assert recognise(state) == 'edgetam'
    assert misfit(state) == ''


def test_a_conversion_with_one_key_too_many_is_refused_by_that_key():
    lines = (DATA / 'edgetam' / 'huggingface_keys.txt').read_text().splitlines()
    shapes = dict(line.split(' ', 1) for line in lines)
    shapes['vision_encoder.extra.weight'] = '(3,)'
    state = from_huggingface({key: torch.empty(literal_eval(s)) for key, s in shapes.items()})
    assert misfit(state) == (
        'does not fit the edgetam network: 1 key unexpected (vision_encoder.extra.weight)'
    )
