# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks scored by a text, with tiny CLIP and SigLIP models whose answers are planted."""

from pathlib import Path
import shutil

import numpy as np
import pytest
import torch

from sam_tracker.segmentation.mask_scorer import BORDER, NEUTRAL, MaskScorer, square_around
from sam_tracker.segmentation.text_grounder import TextGrounder
from sam_tracker.segmentation.text_model import GroundingError

from .tiny_detectors import write_json
from .tiny_scorers import (
    HEIGHT,
    KINDS,
    SIDE,
    TOKENS,
    WIDTH,
    candidate_of,
    encoded,
    save_model,
    scene,
)


@pytest.fixture(scope='module')
def folders(transformers, tmp_path_factory) -> dict[str, Path]:
    made = {}
    for kind in KINDS:
        made[kind] = tmp_path_factory.mktemp(kind)
        save_model(transformers, kind, made[kind])
    return made


@pytest.fixture(scope='module')
def scorers(folders) -> dict[str, MaskScorer]:
    return {kind: MaskScorer(folder) for kind, folder in folders.items()}


@pytest.fixture(params=KINDS)
def scorer(request, scorers) -> MaskScorer:
    return scorers[request.param]


# ---- what is found ----


def test_a_colour_finds_the_mask_of_that_colour_with_the_words_as_they_were_written(scorer):
    image, candidates = scene()
    for colour, wanted in zip(('Red', 'blue'), candidates, strict=False):
        (found,) = scorer.score(image, candidates, colour, threshold=0.5)
        assert found.region == wanted.region
        assert found.label == colour
        assert 0.5 <= found.text_score <= 1


def test_several_things_get_a_mask_each_best_first(scorer):
    image, candidates = scene()
    found = scorer.score(image, candidates, 'blue. red', threshold=0.5)
    by_label = {one.label: one.region for one in found}
    assert by_label == {'red': candidates[0].region, 'blue': candidates[1].region}
    scores = [one.text_score for one in found]
    assert scores == sorted(scores, reverse=True)


def test_clip_finds_nothing_in_what_fits_a_neutral_text_better(scorers):
    image, candidates = scene()
    assert scorers['clip'].score(image, candidates[2:], 'red. blue', threshold=0.5) == []


@pytest.mark.parametrize('kind', KINDS)
def test_scores_are_those_of_the_library(transformers, folders, scorers, kind):
    image, candidates = scene()
    scorer = scorers[kind]
    name = {'clip': 'CLIPModel', 'siglip': 'SiglipModel'}[kind]
    model = getattr(transformers, name).from_pretrained(folders[kind]).eval()
    sentences = ['a photo of a red', *(NEUTRAL if kind == 'clip' else ())]
    squares = [square_around(image, candidate, SIDE) for candidate in candidates]
    pixels = scorer._loaded.image_processor(images=squares, return_tensors='pt')
    with torch.no_grad():
        logits = model(**encoded(scorer, sentences, kind), **pixels).logits_per_image
    expected = (logits.softmax(1) if kind == 'clip' else logits.sigmoid())[:, 0].tolist()

    found = scorer.score(image, candidates, 'red', threshold=0.0)

    scores = {one.region: one.text_score for one in found}
    assert len(scores) == 3
    regions = [candidate.region for candidate in candidates]
    assert [scores[region] for region in regions] == pytest.approx(expected, abs=1e-4)


def test_of_overlapping_masks_for_one_thing_the_best_is_given(scorer):
    image, candidates = scene()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    larger = candidate_of(np.hypot(columns - 30, rows - 30) < 18)
    found = scorer.score(image, [larger, *candidates], 'red', threshold=0.0)
    near = [one for one in found if one.region.x < 40]
    assert len(near) == 1


def test_more_masks_than_a_batch_are_scored_as_alone(scorer):
    image, candidates = scene()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    small = [candidate_of(np.hypot(columns - x, rows - 8) < 4) for x in range(8, 152, 12)]
    together = scorer.score(image, [*small, *candidates], 'red', threshold=0.0)
    alone = [
        one
        for each in [*small, *candidates]
        for one in scorer.score(image, [each], 'red', threshold=0.0)
    ]
    assert len(together) == 15
    expected = {one.region: one.text_score for one in alone}
    assert {one.region: one.text_score for one in together} == pytest.approx(expected, abs=1e-5)


def test_empty_masks_and_no_masks_give_nothing(scorer):
    image, _ = scene()
    empty = candidate_of(np.zeros((HEIGHT, WIDTH), bool))
    assert scorer.score(image, [], 'red', threshold=0.0) == []
    assert scorer.score(image, [empty], 'red', threshold=0.0) == []


# ---- what the model is shown ----


def test_the_background_is_dimmed_and_what_lies_outside_the_image_is_grey():
    image = np.full((20, 30, 3), 200, np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[0:10, 0:10] = True
    square = square_around(image, candidate_of(mask), 64)
    assert square.shape == (12, 12, 3)
    assert (square[0] == BORDER).all() and (square[:, 0] == BORDER).all()
    assert (square[1:11, 1:11] == 200).all()
    assert (square[11, 1:] == 80).all() and (square[1:, 11] == 80).all()


@pytest.mark.parametrize('shape', [(4, 60), (60, 4)])
def test_a_long_mask_keeps_its_proportions_and_is_reduced_to_the_model(shape):
    image = np.full((100, 100, 3), 200, np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[20 : 20 + shape[0], 30 : 30 + shape[1]] = True
    square = square_around(image, candidate_of(mask), 36)
    assert square.shape == (36, 36, 3)
    bright = square[..., 0] > 150
    assert bright.any(1).sum() == shape[0] / 2
    assert bright.any(0).sum() == shape[1] / 2


# ---- refusals ----


def test_a_thing_of_too_many_tokens_is_named_with_the_limit(scorer):
    image, candidates = scene()
    with pytest.raises(GroundingError, match=f"'x{{60}}' has .* reads at most {TOKENS} for each"):
        scorer.score(image, candidates, 'red. ' + 'x' * 60, threshold=0.5)


@pytest.mark.parametrize('threshold', [-0.1, 1.5, float('nan')])
def test_a_threshold_outside_its_range_is_refused_by_value(scorers, threshold):
    image, candidates = scene()
    with pytest.raises(GroundingError, match=f'threshold is {threshold:g}; it must lie between'):
        scorers['clip'].score(image, candidates, 'red', threshold=threshold)


def test_each_kind_of_model_refuses_the_folder_of_the_other(folders, tmp_path):
    with pytest.raises(GroundingError, match="type 'clip'; text needs one of owlv2"):
        TextGrounder(folders['clip'])
    write_json(tmp_path / 'config.json', {'model_type': 'owlv2'})
    with pytest.raises(GroundingError, match="type 'owlv2'; text needs one of clip, siglip"):
        MaskScorer(tmp_path)


def test_a_folder_with_half_of_the_weights_is_refused_with_a_name(folders, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / 'half'
    shutil.copytree(folders['clip'], folder)
    weights = load_file(folder / 'model.safetensors')
    del weights['text_projection.weight']
    save_file(weights, folder / 'model.safetensors', metadata={'format': 'pt'})
    with pytest.raises(GroundingError, match=r'lacks 1 of the weights .* text_projection\.weight'):
        MaskScorer(folder)
