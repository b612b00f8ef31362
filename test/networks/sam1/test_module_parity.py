# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""SAM's ViT-B in full, on the weights and inputs for which Meta's own answers are recorded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
import pytest
import torch

from sam_tracker.networks.masks import input_logits, resize_logits
from sam_tracker.networks.sam1.configuration import Sam1Configuration
from sam_tracker.networks.sam1.network import Sam1Network
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.segmentation.mask_generator import MaskGenerator, MaskGeneratorSettings

from ..seeded_weights import seeded_weights
from . import scene

REFERENCE = Path(__file__).parents[2] / 'data' / 'sam1' / 'reference.npz'


@pytest.fixture(scope='module')
def reference():
    with np.load(REFERENCE) as file:
        return dict(file)


@pytest.fixture(scope='module')
def network(reference):
    configuration = Sam1Configuration(
        name='sam_vit_b',
        width=768,
        heads=12,
        blocks=12,
        global_blocks=(2, 5, 8, 11),
        image_size=scene.SIZE,
        position_grid=scene.SIZE // 16,
    )
    with torch.device('meta'):
        network = Sam1Network(configuration)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    weights = seeded_weights(shapes, int(reference['seed']))
    network.load_state_dict(
        {name: torch.from_numpy(value) for name, value in weights.items()}, assign=True
    )
    return network.eval()


@pytest.fixture(scope='module')
def features(network):
    with torch.inference_mode():
        return network.encode_image(network.preprocess(resized()[None]))


def resized():
    """Resize the image with Pillow, as the reference does: torch rounds a few bytes otherwise."""
    factor = scene.SIZE / scene.WIDTH
    size = (scene.SIZE, int(scene.HEIGHT * factor + 0.5))
    return torch.from_numpy(np.array(Image.fromarray(scene.image()).resize(size, Image.BILINEAR)))


def test_an_image_is_encoded_alike(features, reference, assert_close):
    assert_close(features.embedding[0, ::4], torch.from_numpy(reference['embedding']))


def test_an_image_is_resized_as_by_the_reference_to_one_byte(network):
    whole = network.preprocess(torch.from_numpy(scene.image())[None])
    expected = network.preprocess(resized()[None])
    # One of 256 levels, divided by the smallest standard deviation.
    assert (whole - expected).abs().max() < 1.01 / 57.1
    assert (whole != expected).float().mean() < 0.01


def test_images_are_encoded_in_a_batch_as_alone(network, features, assert_close):
    image = resized()
    images = network.preprocess(torch.stack((image.flip(1), image)))
    assert_close(network.encode_image(images).embedding[1:], features.embedding)


@pytest.mark.parametrize('several', [False, True], ids=['one', 'several'])
@pytest.mark.parametrize('name', scene.QUESTIONS)
def test_prompts_are_answered_alike(network, features, reference, name, several, assert_close):
    question = scene.QUESTIONS[name]
    scale = network.scale(scene.WIDTH, scene.HEIGHT)
    corners = () if question.box is None else np.reshape(question.box, (2, 2))
    points = np.array([*corners, *question.points], dtype=np.float32).reshape(-1, 2)
    points *= np.array(scale.covered) / [scene.WIDTH, scene.HEIGHT]
    labels = [*(() if question.box is None else (2, 3)), *question.labels]
    mask_logits = torch.from_numpy(scene.mask_logits())[None, None] if question.mask else None
    candidates = network.decode(
        features,
        network.without_memory(features.embedding),
        network.encode_prompts(
            torch.from_numpy(points)[None].float(),
            torch.tensor([labels], dtype=torch.int64),
            mask_logits,
        ),
        several,
    )
    key = f'{name}, several' if several else name
    logits = candidates.mask_logits
    assert_close(logits[0, :, ::2, ::2], torch.from_numpy(reference[f'{key}: logits']))
    assert_close(candidates.predicted_iou[0], torch.from_numpy(reference[f'{key}: scores']))
    image_logits = resize_logits(input_logits(logits, scale), scene.HEIGHT, scene.WIDTH)
    assert_close(image_logits[0, :, ::5, ::5], torch.from_numpy(reference[f'{key}: image logits']))
    assert (candidates.object_logit > 0).all()


def test_everything_mode_finds_the_same_masks(network, reference):
    settings = replace(
        MaskGeneratorSettings.for_network(network.suited_settings),
        **scene.GENERATOR,
        minimum_area=0,
    )
    generator = MaskGenerator(ImageSegmenter(network), settings)
    found = generator.generate(scene.image_of_the_input_size())
    found.sort(key=lambda one: one.predicted_iou, reverse=True)
    packed = reference['everything: masks']
    assert len(found) == len(packed) > 1
    expected = np.unpackbits(packed, axis=-1, count=scene.SIZE).astype(bool)
    scores = [one.predicted_iou for one in found]
    np.testing.assert_allclose(scores, reference['everything: scores'], atol=1e-4)
    stability = [one.stability_score for one in found]
    np.testing.assert_allclose(stability, reference['everything: stability'], atol=1e-3)
    for candidate, mask in zip(found, expected, strict=True):
        # Rounding may move a logit across 0 on a few of 40,000 pixels.
        assert (candidate.mask != mask).sum() <= 5
