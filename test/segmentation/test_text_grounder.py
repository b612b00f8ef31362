# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Words to boxes, with tiny models of each architecture that lie in folders as published ones do.

Their weights are random except where an answer is planted: the library's own loading, tokenizing,
padding, resizing and post-processing run, and where the box must be is known.
"""

import json
from pathlib import Path
import re
import shutil
import socket
import sys

import cv2
import numpy as np
import pytest
import torch

from sam_tracker.core.prompt import Prompt
from sam_tracker.segmentation import text_grounder
from sam_tracker.segmentation.text_grounder import TextGrounder
from sam_tracker.segmentation.text_model import LONGEST_TEXT, GroundingError, things_asked_for

ROOT = Path(__file__).resolve().parents[2]
OWL = ('owlv2', 'owlvit')
DINO = 'grounding-dino'
GRID = 6
PATCH = 8
WORDS_READ_BY_OWL = 8
TOKENS_READ_BY_DINO = 16
QUERIES_OF_DINO = 32


@pytest.fixture(scope='module')
def transformers():
    return pytest.importorskip('transformers')


# ---- folders ----


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def write_clip_tokenizer(folder: Path) -> int:
    """Write a tokenizer of single letters and return the size of its vocabulary."""
    letters = [chr(code) for code in range(ord('!'), ord('~') + 1)]
    tokens = [*letters, *(f'{letter}</w>' for letter in letters), 're', 'red</w>']
    tokens += ['<|startoftext|>', '<|endoftext|>']
    write_json(folder / 'vocab.json', {token: index for index, token in enumerate(tokens)})
    (folder / 'merges.txt').write_text('#version: 0.2\nr e\nre d</w>\n')
    special = {'bos_token': '<|startoftext|>', 'eos_token': '<|endoftext|>'}
    special |= {'unk_token': '<|endoftext|>', 'pad_token': '!'}
    write_json(folder / 'tokenizer_config.json', {'tokenizer_class': 'CLIPTokenizer', **special})
    return len(tokens)


def write_bert_tokenizer(folder: Path) -> int:
    """Write a tokenizer of a few words; the model knows some tokens by BERT's numbers."""
    tokens = [f'[unused{index}]' for index in range(1030)]
    tokens[0], tokens[100], tokens[101], tokens[102] = '[PAD]', '[UNK]', '[CLS]', '[SEP]'
    tokens[1012], tokens[1029] = '.', '?'
    tokens += ['the', 'red', 'mug', 'screw', '##driver', 'a', 'b', 'c']
    (folder / 'vocab.txt').write_text('\n'.join(tokens))
    write_json(
        folder / 'tokenizer_config.json',
        {'tokenizer_class': 'BertTokenizer', 'do_lower_case': True},
    )
    return len(tokens)


def owl_model(transformers, architecture: str, folder: Path):
    name = {'owlv2': 'Owlv2', 'owlvit': 'OwlViT'}[architecture]
    vocabulary = write_clip_tokenizer(folder)
    side = GRID * PATCH
    write_json(
        folder / 'preprocessor_config.json',
        {
            'image_processor_type': f'{name}ImageProcessor',
            'processor_class': f'{name}Processor',
            'size': {'height': side, 'width': side},
            'do_resize': True,
            'do_rescale': True,
            'do_normalize': True,
            'do_center_crop': False,
        },
    )
    small = {
        'hidden_size': 16,
        'intermediate_size': 16,
        'num_hidden_layers': 1,
        'num_attention_heads': 2,
    }
    config = getattr(transformers, f'{name}Config')(
        text_config={
            **small,
            'vocab_size': vocabulary,
            'max_position_embeddings': WORDS_READ_BY_OWL,
            'bos_token_id': vocabulary - 2,
            'eos_token_id': vocabulary - 1,
        },
        vision_config={**small, 'image_size': side, 'patch_size': PATCH},
        projection_dim=16,
    )
    model = getattr(transformers, f'{name}ForObjectDetection')(config)
    # A score between zero and one, and a large box, for each patch.
    with torch.no_grad():
        for module in (model.class_head.logit_shift, model.class_head.logit_scale):
            module.weight.zero_()
        model.box_head.dense2.weight.zero_()
        model.box_head.dense2.bias[2:] = 2.0
    return model


def dino_model(transformers, folder: Path):
    vocabulary = write_bert_tokenizer(folder)
    write_json(
        folder / 'preprocessor_config.json',
        {
            'image_processor_type': 'GroundingDinoImageProcessor',
            'processor_class': 'GroundingDinoProcessor',
            'size': {'shortest_edge': 64, 'longest_edge': 128},
        },
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64,
            embed_dim=8,
            depths=[1, 1],
            num_heads=[1, 1],
            window_size=4,
            out_features=['stage2'],
        ),
        text_config=transformers.BertConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=64,
        ),
        num_queries=QUERIES_OF_DINO,
        num_feature_levels=1,
        d_model=32,
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=16,
        decoder_attention_heads=4,
        max_text_len=TOKENS_READ_BY_DINO,
    )
    return transformers.GroundingDinoForObjectDetection(config)


@pytest.fixture(scope='module')
def folders(transformers, tmp_path_factory) -> dict[str, Path]:
    """A folder for each architecture, with random weights."""
    made = {}
    for architecture in (*OWL, DINO):
        torch.manual_seed(1)
        folder = tmp_path_factory.mktemp(architecture)
        if architecture == DINO:
            model = dino_model(transformers, folder)
        else:
            model = owl_model(transformers, architecture, folder)
        model.save_pretrained(folder)
        made[architecture] = folder
    return made


@pytest.fixture(scope='module')
def grounders(folders) -> dict[str, TextGrounder]:
    return {architecture: TextGrounder(folder) for architecture, folder in folders.items()}


@pytest.fixture(params=[*OWL, DINO])
def grounder(request, grounders) -> TextGrounder:
    """One of each architecture, with random weights."""
    return grounders[request.param]


@pytest.fixture(scope='module')
def copy(folders, tmp_path_factory):
    """Makes a copy of an architecture's folder that a test may damage."""

    def copy(architecture: str) -> Path:
        target = tmp_path_factory.mktemp('copy') / architecture
        shutil.copytree(folders[architecture], target)
        return target

    return copy


def noise(width: int = 90, height: int = 60) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


# ---- words ----


def test_things_stand_between_full_stops_and_are_looked_for_once():
    assert things_asked_for('the  Red mug') == ['the Red mug']
    assert things_asked_for(' Mug. screwdriver .. mug.\n') == ['Mug', 'screwdriver']


@pytest.mark.parametrize('text', ['', '  ', '. .'])
def test_a_text_that_names_nothing_is_refused(text):
    with pytest.raises(GroundingError, match='names nothing to look for'):
        things_asked_for(text)


def test_a_long_text_is_refused_with_its_length_and_the_limit():
    with pytest.raises(GroundingError, match=f'{LONGEST_TEXT + 1} characters; at most 1000'):
        things_asked_for('m' * (LONGEST_TEXT + 1))


def test_a_thing_of_too_many_tokens_is_named_with_the_limit(grounders):
    # Eight letters, the end of the word in the last, a start and an end: ten tokens.
    with pytest.raises(
        GroundingError, match=r"'spanners' has 10 tokens; this model reads at most 8"
    ):
        grounders['owlv2'].ground(noise(), 'red. spanners', threshold=0.5)


def test_more_things_than_one_text_can_hold_are_refused_with_the_limit(grounders):
    grounder = grounders[DINO]
    seven = 'a. b. c. the. red. mug. a a'
    with pytest.raises(GroundingError, match='has 17 tokens; this model reads at most 16'):
        grounder.ground(noise(), seven, threshold=0.5)
    assert grounder.ground(noise(), seven.removesuffix(' a'), threshold=0.0)


def test_a_word_without_a_token_is_named(grounders):
    with pytest.raises(GroundingError, match="no token for 'quokka'"):
        grounders[DINO].ground(noise(), 'mug. quokka', threshold=0.5)


# ---- what every architecture does ----


def test_boxes_lie_in_the_image_best_first_and_make_prompts(grounder: TextGrounder):
    groundings = grounder.ground(noise(), 'Red. a b', threshold=0.0)
    assert groundings
    scores = [grounding.score for grounding in groundings]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert {grounding.label for grounding in groundings} <= {'Red', 'a b'}
    for grounding in groundings:
        Prompt(box=grounding.box).validate(width=90, height=60)


def test_the_threshold_is_a_least_score(grounder):
    scores = [grounding.score for grounding in grounder.ground(noise(), 'red', threshold=0.0)]
    middle = scores[len(scores) // 2]
    kept = grounder.ground(noise(), 'red', threshold=middle)
    assert [grounding.score for grounding in kept] == [s for s in scores if s >= middle]
    assert len(kept) < len(scores)


def test_an_image_leaves_nothing_behind(grounder):
    first = grounder.ground(noise(), 'red', threshold=0.0)
    grounder.ground(noise(64, 80), 'a. b', threshold=0.0)
    second = grounder.ground(noise(), 'red', threshold=0.0)
    assert [(*g.box, g.score) for g in first] == [(*g.box, g.score) for g in second]


@pytest.mark.parametrize('architecture', [*OWL, DINO])
def test_nothing_is_asked_of_the_network(folders, architecture, monkeypatch):
    def connect(*arguments):
        raise AssertionError(f'a connection to {arguments[1:]} is opened')

    monkeypatch.setattr(socket.socket, 'connect', connect)
    monkeypatch.setattr(socket, 'getaddrinfo', connect)
    TextGrounder(folders[architecture]).ground(noise(), 'red', threshold=0.5)


@pytest.mark.parametrize('threshold', [-0.1, 1.5, float('nan')])
def test_a_threshold_outside_its_range_is_refused_by_value(grounders, threshold):
    with pytest.raises(GroundingError, match=f'threshold is {threshold:g}; it must lie between'):
        grounders['owlv2'].ground(noise(), 'red', threshold=threshold)


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_an_image_of_another_kind_is_refused_with_its_shape(grounders, image):
    message = f'this one is {image.dtype} of shape {list(image.shape)}'.replace('[', r'\[')
    with pytest.raises(GroundingError, match=message):
        grounders['owlv2'].ground(image, 'red', threshold=0.5)


def test_an_image_of_three_rows_is_not_taken_for_three_planes(grounder):
    pixels = grounder._pixels(np.full((3, 24, 3), (255, 0, 0), np.uint8))['pixel_values']
    # Red stays the first of the planes, over its whole width.
    row = pixels[0, :, 0]
    assert row.shape[-1] >= 48
    assert (row[0] > row[1]).all() and (row[0] > row[2]).all()


def test_an_image_without_width_is_refused_with_its_size(grounders):
    with pytest.raises(GroundingError, match='image of 5x200 pixels is too narrow'):
        grounders[DINO].ground(noise(5, 200), 'red', threshold=0.5)


# ---- planted answers ----


def plant_brightness(model, architecture: str, thing_tokens: dict[str, torch.Tensor]) -> None:
    """
    Make the best box that of the brightest patch, for the thing whose tokens are given.

    The image encoder passes each patch's brightness on in its first channel, the box is what the
    architecture assumes for a patch (its lower right corner, and its size), and the score grows
    with that channel.
    """
    encoder = model.owlv2 if architecture == 'owlv2' else model.owlvit
    vision = encoder.vision_model
    vision.embeddings.patch_embedding.weight.zero_()
    vision.embeddings.patch_embedding.weight[0] = 1 / (3 * PATCH**2)
    vision.embeddings.position_embedding.weight.zero_()
    # Norms keep the order of channel 0 as long as other channels stay as they are.
    vision.embeddings.position_embedding.weight[1:, 1] = 4.0
    vision.embeddings.class_embedding.copy_(torch.tensor([1.0, 1.0] + [0.0] * 14))
    for layer in vision.encoder.layers:
        for module in (layer.self_attn.out_proj, layer.mlp.fc2):
            module.weight.zero_()
            module.bias.zero_()
    model.box_head.dense2.bias.zero_()
    head = model.class_head
    features = encoder.get_text_features(**thing_tokens)
    features = getattr(features, 'pooler_output', features)
    head.dense0.weight.zero_()
    head.dense0.bias.copy_(features[0])
    head.logit_shift.weight[0, 0] = 1.0


@pytest.mark.parametrize(('width', 'height'), [(96, 48), (48, 96), (96, 96)])
@pytest.mark.parametrize('architecture', OWL)
def test_the_box_is_where_the_bright_square_is(transformers, copy, architecture, width, height):
    folder = copy(architecture)
    name = 'Owlv2' if architecture == 'owlv2' else 'OwlViT'
    model = getattr(transformers, f'{name}ForObjectDetection').from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        asked = tokenizer(
            ['mug'], padding='max_length', max_length=WORDS_READ_BY_OWL, return_tensors='pt'
        )
        plant_brightness(model, architecture, dict(asked))
    model.save_pretrained(folder)
    # OWLv2 pads the image to a square, to the right and below; OWL-ViT stretches it.
    cell = (16, 16) if architecture == 'owlv2' else (width // GRID, height // GRID)
    column, row = 2, 1
    left, top = column * cell[0], row * cell[1]
    image = np.full((height, width, 3), 40, np.uint8)
    image[top : top + cell[1], left : left + cell[0]] = 250

    best = TextGrounder(folder).ground(image, 'red. Mug', threshold=0.0)[0]

    corner = np.array([left + cell[0], top + cell[1]])
    expected = [*(corner - np.array(cell) / 2), *(corner + np.array(cell) / 2)]
    expected = np.clip(expected, 0, [width, height] * 2)
    assert best.box == pytest.approx(expected, abs=0.05)
    assert best.label == 'Mug'


def test_boxes_in_the_padding_of_a_square_are_dropped(grounders):
    groundings = grounders['owlv2'].ground(noise(96, 32), 'red', threshold=0.0)
    boxes = np.array([grounding.box for grounding in groundings])
    assert (boxes[:, 1] < 32).all() and (boxes[:, 3] <= 32).all()


def plant_anchors(model, tokenizer, word: str) -> None:
    """Make every box the anchor that it started from, and the word its best token."""
    heads = [*model.bbox_embed, model.model.encoder_output_bbox_embed]
    for head in heads:
        head.layers[-1].weight.zero_()
        head.layers[-1].bias.zero_()
    text = tokenizer('red . screwdriver .', return_tensors='pt', return_token_type_ids=True)
    seen = model(pixel_values=torch.zeros(1, 3, 64, 64), **text)
    position = text['input_ids'][0].tolist().index(tokenizer.convert_tokens_to_ids(word))
    token = seen.encoder_last_hidden_state_text[0, position]
    # A norm's answer has equal length for all tokens: its product with itself is the largest.
    model.model.decoder.layer_norm.weight.zero_()
    model.model.decoder.layer_norm.bias.copy_(2 * token / token.dot(token))


@pytest.mark.parametrize(('word', 'label'), [('red', 'Red'), ('##driver', 'Screwdriver')])
def test_a_found_token_is_told_as_the_thing_asked_for(transformers, copy, word, label):
    folder = copy(DINO)
    model = transformers.GroundingDinoForObjectDetection.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        plant_anchors(model, tokenizer, word)
    model.save_pretrained(folder)

    groundings = TextGrounder(folder).ground(noise(120, 60), 'Red. Screwdriver', threshold=0.0)

    assert {grounding.label for grounding in groundings} == {label}
    # The network sees 128 x 64 pixels, and its backbone 16 x 8 of its own: an anchor in the middle
    # of each of them, a twentieth of the image wide and high.
    middles = [
        ((column + 0.5) * 7.5, (row + 0.5) * 7.5) for column in range(16) for row in range(8)
    ]
    anchors = {
        tuple(np.clip([x - 3, y - 1.5, x + 3, y + 1.5], 0, [120, 60] * 2).round(2))
        for x, y in middles
    }
    found = {tuple(grounding.box.round(2)) for grounding in groundings}
    assert len(found) == QUERIES_OF_DINO
    assert found <= anchors
    assert groundings[0].score == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)


@pytest.mark.parametrize('architecture', ['owlv2', DINO])
def test_a_large_image_is_answered_in_its_own_pixels(grounders, architecture, monkeypatch):
    grounder = grounders[architecture]
    large = cv2.resize(noise(64, 32), (256, 128), interpolation=cv2.INTER_NEAREST)
    reduced = cv2.resize(large, (128, 64), interpolation=cv2.INTER_AREA)
    expected = grounder.ground(reduced, 'red', threshold=0.0)
    assert max(grounding.box[2] for grounding in expected) > 64
    monkeypatch.setattr(text_grounder, 'LONGEST_SIDE', 128)
    answered = grounder.ground(large, 'red', threshold=0.0)
    assert [g.score for g in answered] == pytest.approx([g.score for g in expected], abs=1e-5)
    for there, here in zip(answered, expected, strict=True):
        assert there.box / 2 == pytest.approx(here.box, abs=0.01)


def test_of_boxes_that_overlap_only_the_best_is_given(grounders):
    groundings = grounders['owlv2'].ground(noise(), 'red', threshold=0.0)
    assert 1 < len(groundings) < GRID * GRID
    for index, one in enumerate(groundings):
        for other in groundings[:index]:
            corners = np.minimum(one.box[2:], other.box[2:]) - np.maximum(
                one.box[:2], other.box[:2]
            )
            common = np.prod(np.maximum(corners, 0))
            areas = [np.prod(g.box[2:] - g.box[:2]) for g in (one, other)]
            assert common / (sum(areas) - common) <= 0.5 + 1e-6


# ---- folders that are not what they should be ----


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


def test_a_library_that_is_too_old_is_told_with_its_version(folders, monkeypatch):
    monkeypatch.setattr(
        'sam_tracker.segmentation.text_model.version',
        lambda name: {'transformers': '4.9.1'}[name],
    )
    with pytest.raises(GroundingError, match=r'transformers 4\.57 or newer; 4\.9\.1 is installed'):
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
