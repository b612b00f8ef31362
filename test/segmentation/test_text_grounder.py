# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Words to boxes, with tiny models of each architecture that lie in folders as published ones do.

Their weights are random except where an answer is planted: the library's own loading, tokenizing,
padding, resizing and post-processing run, and where the box must be is known.
"""

import socket

import cv2
import numpy as np
import pytest
import torch

from sam_tracker.core.prompt import Prompt
from sam_tracker.segmentation import text_grounder
from sam_tracker.segmentation.text_grounder import TextGrounder
from sam_tracker.segmentation.text_model import LONGEST_TEXT, GroundingError, things_asked_for

from .tiny_detectors import DINO, GRID, OWL, PATCH, QUERIES_OF_DINO, WORDS_READ_BY_OWL, noise

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
