# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Folders that hold no usable detector are refused by name, and no code in them is run."""

from importlib.metadata import PackageNotFoundError, version
import json
from pathlib import Path
import re
import sys

import pytest

from sam_tracker.segmentation.text_grounder import TextGrounder
from sam_tracker.segmentation.text_model import GroundingError

from .tiny_detectors import DINO, noise, write_json

ROOT = Path(__file__).resolve().parents[2]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GroundingError, match=f'there is no folder {tmp_path}/absent'):
        TextGrounder(tmp_path / 'absent')


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(GroundingError, match=f'{tmp_path} holds no model: it has no config.json'):
        TextGrounder(tmp_path)


def test_a_damaged_description_is_named(tmp_path):
    (tmp_path / 'config.json').write_text('{"model_type": ')
    with pytest.raises(GroundingError, match=r'config\.json cannot be read: Expecting value'):
        TextGrounder(tmp_path)


@pytest.mark.parametrize('config', [{'model_type': 'detr'}, {}, ['owlv2'], {'model_type': []}])
def test_another_architecture_is_named(tmp_path, config):
    write_json(tmp_path / 'config.json', config)
    kind = config.get('model_type') if isinstance(config, dict) else None
    with pytest.raises(GroundingError, match='holds a model of type') as refusal:
        TextGrounder(tmp_path)
    assert f'of type {kind!r}; text needs one of owlv2, owlvit, grounding-dino' in str(
        refusal.value
    )


def test_a_folder_without_weights_is_named(tmp_path):
    write_json(tmp_path / 'config.json', {'model_type': 'owlv2'})
    with pytest.raises(GroundingError, match=r'no weights: neither model\.safetensors nor'):
        TextGrounder(tmp_path)


def test_a_model_that_would_fetch_its_backbone_is_refused(tmp_path):
    config = {'model_type': DINO, 'use_pretrained_backbone': True, 'backbone': 'resnet50'}
    write_json(tmp_path / 'config.json', config)
    with pytest.raises(GroundingError, match="loads its backbone 'resnet50' from elsewhere"):
        TextGrounder(tmp_path)


def test_the_absence_of_the_library_is_told_with_what_to_install(tmp_path, monkeypatch):
    write_json(tmp_path / 'config.json', {'model_type': 'owlv2'})
    (tmp_path / 'model.safetensors').touch()
    monkeypatch.setitem(sys.modules, 'transformers', None)
    wanted = (ROOT / 'requirements/text.txt').read_text().splitlines()[-1]
    with pytest.raises(GroundingError, match=re.escape(f"not installed: pip install '{wanted}'")):
        TextGrounder(tmp_path)


@pytest.mark.parametrize(
    ('versions', 'named'),
    [
        ({'transformers': '4.9.1'}, 'transformers 4.57 or newer; 4.9.1 is installed'),
        ({'transformers': '5.0', 'pillow': '9.0.1'}, 'pillow 9.1 or newer; 9.0.1 is installed'),
    ],
)
def test_a_library_that_is_too_old_is_told_with_its_version(folders, monkeypatch, versions, named):
    monkeypatch.setattr('sam_tracker.segmentation.text_model.version', versions.__getitem__)
    with pytest.raises(GroundingError, match=f'words need {re.escape(named)}'):
        TextGrounder(folders['owlv2'])


def test_a_library_that_is_installed_under_another_name_is_taken_for_new_enough(
    folders, monkeypatch
):
    def installed(package):
        # As where Pillow-SIMD replaces Pillow.
        if package == 'pillow':
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr('sam_tracker.segmentation.text_model.version', installed)
    TextGrounder(folders['owlv2'])


def test_weights_that_are_damaged_are_refused(copy):
    folder = copy('owlv2')
    weights = folder / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(GroundingError, match=f'{folder} cannot be loaded: '):
        TextGrounder(folder)


@pytest.mark.parametrize('architecture', ['owlv2', DINO])
def test_weights_that_are_not_complete_are_refused_by_name(copy, architecture):
    from safetensors.torch import load_file, save_file

    folder = copy(architecture)
    weights = load_file(folder / 'model.safetensors')
    name = next(name for name in weights if name.endswith('layer_norm.bias'))
    del weights[name]
    save_file(weights, folder / 'model.safetensors', metadata={'format': 'pt'})
    with pytest.raises(GroundingError, match=f'lacks 1 of the weights of an {architecture} model'):
        TextGrounder(folder)


@pytest.mark.parametrize('name', ['preprocessor_config.json', 'vocab.json'])
def test_a_folder_without_its_tokenizer_or_preprocessor_is_refused(copy, name):
    folder = copy('owlv2')
    (folder / name).unlink()
    with pytest.raises(GroundingError, match=f'{folder} cannot be loaded: '):
        TextGrounder(folder)


def test_a_device_that_is_not_there_is_named(folders):
    with pytest.raises(ValueError, match="device 'cuda:99' is not there"):
        TextGrounder(folders['owlv2'], device='cuda:99')


def test_weights_in_half_precision_are_computed_in_float32(transformers, copy):
    folder = copy('owlv2')
    model = transformers.Owlv2ForObjectDetection.from_pretrained(folder)
    model.half().save_pretrained(folder)
    assert TextGrounder(folder).ground(noise(), 'red', threshold=0.0)


def test_code_in_the_folder_is_not_run(copy, tmp_path):
    folder = copy('owlv2')
    mark = tmp_path / 'mark'
    (folder / 'own.py').write_text(f'open({str(mark)!r}, "w")\nclass Own: pass\n')
    for file, key in (
        ('config.json', 'AutoModelForZeroShotObjectDetection'),
        ('tokenizer_config.json', 'AutoTokenizer'),
        ('preprocessor_config.json', 'AutoImageProcessor'),
    ):
        content = json.loads((folder / file).read_text())
        own = ['own.Own', None] if key == 'AutoTokenizer' else 'own.Own'
        write_json(folder / file, {**content, 'auto_map': {key: own}})
    TextGrounder(folder)
    assert not mark.exists()
