# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Prompts on one image are answered as by Meta's own image predictor.

Both run the same random weights. The predictor cannot be imported without torchvision, which it
needs to resize images; what it does with an image of the network's size is done here step by step
with Meta's model.
"""

from dataclasses import replace
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.runtime import Runtime
from sam_tracker.segmentation.image_segmenter import ImageSegmenter

SIZE, WIDTH, HEIGHT = 160, 200, 120
MASK = np.zeros((HEIGHT, WIDTH), bool)
MASK[30:90, 50:140] = True
PROMPTS = {
    'a click': Prompt(points=[[70.5, 40.25]], labels=[1]),
    'clicks': Prompt(points=[[70.5, 40.25], [10, 100], [199, 1]], labels=[1, 0, 1]),
    'a box': Prompt(box=[20, 30, 150, 90.5]),
    'a box and clicks': Prompt(
        points=[[70, 40], [30, 80]], labels=[1, 0], box=[20.5, 30, 150, 90.5]
    ),
    'a mask': Prompt(mask=MASK),
    'a mask and a box': Prompt(box=[20, 30, 150, 90.5], mask=MASK),
    'a mask and a click': Prompt(points=[[70, 40]], labels=[1], mask=MASK),
    'everything together': Prompt(points=[[70, 40]], labels=[0], box=[20, 30, 150, 90], mask=MASK),
}


@pytest.fixture(scope='module')
def pair():
    pytest.importorskip('sam2', reason='parity is shown against the PyPI package sam2')
    path = Path(__file__).parents[1] / 'networks' / 'conftest.py'
    spec = importlib.util.spec_from_file_location('pairs_of_networks', path)
    pairs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pairs)
    return pairs.build_pair('test', SIZE)


@pytest.fixture(scope='module')
def segmenter(pair):
    return ImageSegmenter(pair.ours, Runtime(torch.device('cpu')))


@pytest.fixture(scope='module')
def image():
    coarse = np.random.default_rng(3).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


@pytest.fixture(scope='module')
def encoded(segmenter, image):
    return segmenter.encode(image)


@pytest.fixture(scope='module')
def predictor(pair, image):
    """Answer as SAM2ImagePredictor does, once it was given the image."""
    meta = pair.meta
    with torch.inference_mode():
        batch = network_input(torch.from_numpy(image)[None], SIZE)
        _, levels, _, sizes = meta._prepare_backbone_features(meta.forward_image(batch))
        assert meta.directly_add_no_mem_embed
        levels[-1] = levels[-1] + meta.no_mem_embed
        fine, middle, embedding = (
            level.permute(1, 2, 0).reshape(1, -1, *size)
            for level, size in zip(levels, sizes, strict=True)
        )

    @torch.inference_mode()
    def predict(prompt, mask_input, several):
        if prompt is PROMPTS['a mask']:
            prompt = Prompt(box=[50, 30, 140, 90], mask=MASK)
        coordinates, labels = [], []
        if prompt.box is not None:
            # The predictor counts pixels where we measure lengths: the last one is inside.
            corners = prompt.box.reshape(2, 2) * [SIZE / WIDTH, SIZE / HEIGHT] - [[0], [1]]
            coordinates, labels = [*corners], [2, 3]
        coordinates += [*(prompt.points * [SIZE / WIDTH, SIZE / HEIGHT] - 0.5)]
        labels += prompt.labels.tolist()
        points = (
            torch.tensor(np.array(coordinates), dtype=torch.float32)[None],
            torch.tensor(labels, dtype=torch.int32)[None],
        )
        sparse, dense = meta.sam_prompt_encoder(points=points, boxes=None, masks=mask_input)
        low, iou, _, _ = meta.sam_mask_decoder(
            image_embeddings=embedding,
            image_pe=meta.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            repeat_image=False,
            high_res_features=[fine, middle],
        )
        masks = F.interpolate(low, (HEIGHT, WIDTH), mode='bilinear', align_corners=False)
        return (masks > 0)[0].numpy(), iou[0].numpy(), low[0]

    return predict


def mask_input(mask):
    """Return a mask as the logits that a prompt starts from, certain but for its border."""
    if mask is None:
        return None
    given = torch.from_numpy(mask)[None, None].float()
    given = F.interpolate(given, (SIZE, SIZE), mode='bilinear', antialias=True) >= 0.5
    logits = given.float() * 20 - 10
    return F.interpolate(logits, (SIZE // 4, SIZE // 4), mode='bilinear', antialias=True)


def assert_same(candidates, answer):
    masks, iou, low = answer
    order = np.argsort(-iou, kind='stable')
    assert len(candidates) == len(iou)
    for candidate, index in zip(candidates, order, strict=True):
        scale = low[index].abs().max()
        assert (candidate.logits - low[index]).abs().max() <= 1e-4 * scale
        assert candidate.predicted_iou == pytest.approx(float(iou[index]), abs=1e-4)
        # On the very border of a mask rounding decides.
        assert np.count_nonzero(candidate.mask != masks[index]) <= 1e-4 * WIDTH * HEIGHT
        assert candidate.area == candidate.mask.sum()


@pytest.mark.parametrize('several', [False, True], ids=['one', 'several'])
@pytest.mark.parametrize('prompt', PROMPTS.values(), ids=PROMPTS.keys())
def test_prompts_are_answered_alike(segmenter, encoded, predictor, prompt, several):
    (candidates,) = segmenter.segment(encoded, [prompt], several=several)
    assert_same(candidates, predictor(prompt, mask_input(prompt.mask), several))


def test_many_prompts_at_once_are_each_answered_as_if_alone(segmenter, encoded, predictor):
    rng = np.random.default_rng(4)
    clicks = [
        Prompt(points=[rng.uniform(0, [WIDTH, HEIGHT])], labels=[1])
        for _ in range(LARGEST_BATCH + 3)
    ]
    prompts = [*clicks[:5], *PROMPTS.values(), *clicks[5:]]
    answers = segmenter.segment(encoded, prompts, several=True)
    assert len(answers) == len(prompts)
    for index, (prompt, candidates) in enumerate(zip(prompts, answers, strict=True)):
        assert [one.prompt_index for one in candidates] == [index] * 3
        assert_same(candidates, predictor(prompt, mask_input(prompt.mask), several=True))


def test_no_batch_is_larger_than_it_may_be(segmenter, encoded, monkeypatch):
    sizes, decode = [], segmenter.network.decode
    monkeypatch.setattr(
        segmenter.network,
        'decode',
        lambda *arguments: sizes.append(len(arguments[2].sparse)) or decode(*arguments),
    )
    click, box = PROMPTS['a click'], PROMPTS['a box']
    prompts = [click, box] * LARGEST_BATCH + [click]
    segmenter.segment(encoded, prompts, several=False)
    assert sizes == [LARGEST_BATCH, 1, LARGEST_BATCH]


@pytest.mark.parametrize('several', [False, True], ids=['one', 'several'])
def test_a_correction_starts_from_the_last_masks_logits(segmenter, encoded, predictor, several):
    first = segmenter.segment(encoded, [PROMPTS['a click']], several=True)[0][1]
    more = Prompt(points=[[70.5, 40.25], [150, 100]], labels=[1, 0])
    logits = 1000 * first.logits
    previous = replace(first, logits=logits, label='mug')
    refined = segmenter.refine(encoded, more, previous, several=several)
    clamped = logits.clamp(-32, 32)[None, None]
    assert not torch.equal(clamped[0, 0], logits), 'nothing was there to clamp'
    assert_same(refined, predictor(more, clamped, several))
    assert {one.label for one in refined} == {'mug'}
    unrefined = segmenter.segment(encoded, [more], several=several)[0]
    assert not torch.equal(unrefined[0].logits, refined[0].logits)


def test_candidates_come_best_first_with_scores_that_are_shares(segmenter, encoded):
    for candidates in segmenter.segment(encoded, [*PROMPTS.values()], several=True):
        scores = [one.predicted_iou for one in candidates]
        assert scores == sorted(scores, reverse=True)
        for one in candidates:
            assert 0 <= one.predicted_iou <= 1 and 0 <= one.stability_score <= 1
            if one.region is not None:
                assert one.mask_crop.any(axis=0)[[0, -1]].all()
                assert one.mask_crop.any(axis=1)[[0, -1]].all()
                assert one.box.tolist() == one.region.box.tolist()


def test_a_negative_click_alone_corrects_but_asks_for_nothing(segmenter, encoded):
    beside = Prompt(points=[[150, 100]], labels=[0])
    (first,) = segmenter.segment(encoded, [PROMPTS['a box']], several=False)[0]
    (refined,) = segmenter.refine(encoded, beside, first)
    assert refined.image_size == (WIDTH, HEIGHT)
    with pytest.raises(PromptError, match='prompt 0: all 1 points are negative'):
        segmenter.segment(encoded, [beside], several=False)


def test_a_prompt_that_is_wrong_is_named_before_any_work(segmenter, encoded, monkeypatch):
    monkeypatch.setattr(segmenter.network, 'decode', None)
    prompts = [PROMPTS['a click'], Prompt(points=[[201, 4]], labels=[1])]
    with pytest.raises(PromptError, match=r'prompt 1: point 0 at \(201, 4\).*200x120'):
        segmenter.segment(encoded, prompts, several=True)


def test_no_prompts_have_no_answers(segmenter, encoded):
    assert segmenter.segment(encoded, [], several=True) == []


@pytest.mark.parametrize(
    ('changed', 'named'),
    [
        ({'image_size': (64, 48)}, 'an image of 64x48 pixels, not of this one of 200x120'),
        ({'logits': None}, 'found on a crop'),
        ({'logits': torch.zeros(8, 8)}, r'logits of \[8, 8\], not \[40, 40\]'),
    ],
)
def test_a_candidate_of_something_else_cannot_be_corrected(segmenter, encoded, changed, named):
    (first,) = segmenter.segment(encoded, [PROMPTS['a box']], several=False)[0]
    other = replace(first, **changed)
    with pytest.raises(PromptError, match=named):
        segmenter.refine(encoded, PROMPTS['a click'], other)


def test_a_correction_by_a_mask_is_refused(segmenter, encoded):
    (first,) = segmenter.segment(encoded, [PROMPTS['a box']], several=False)[0]
    with pytest.raises(PromptError, match='not by a mask'):
        segmenter.refine(encoded, PROMPTS['a mask'], first)
