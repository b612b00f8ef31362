# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The first SAM behind the interface of networks."""

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.sam1.configuration import Sam1Configuration
from sam_tracker.networks.sam1.network import Sam1Network
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.tracking.tracker import Tracker

SIZE = 128
WIDTH, HEIGHT = 320, 180


@pytest.fixture(scope='module')
def network():
    with torch.random.fork_rng(), torch.inference_mode(False):
        torch.manual_seed(0)
        configuration = Sam1Configuration(
            name='small',
            width=48,
            heads=4,
            blocks=2,
            global_blocks=(1,),
            image_size=SIZE,
            position_grid=8,
        )
        return Sam1Network(configuration).eval().requires_grad_(False)


def image():
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT // 20, WIDTH // 20, 3), np.uint8)
    return np.kron(noise, np.ones((20, 20, 1), np.uint8))


def test_it_cannot_track(network):
    assert not isinstance(network, VideoNetwork)


def test_the_aspect_of_an_image_is_kept_and_the_rest_is_zero(network):
    scale = network.scale(WIDTH, HEIGHT)
    assert scale.covered == (128, 72)
    pixels = network.preprocess(torch.from_numpy(image())[None])
    assert pixels.shape == (1, 3, SIZE, SIZE)
    assert (pixels[:, :, 72:] == 0).all()
    assert (pixels[:, :, :72] != 0).all(1).any(-1).all()


@pytest.mark.parametrize('width,height', [(1, 4000), (4000, 1), (128, 128), (1000, 999)])
def test_every_image_has_at_least_a_row_and_a_column_of_the_input(network, width, height):
    columns, rows = network.scale(width, height).covered
    assert 1 <= min(columns, rows) <= max(columns, rows) == SIZE


def test_an_object_with_a_box_and_one_without_are_not_encoded_together(network):
    with pytest.raises(ValueError, match='1 of 2 objects have a box'):
        network.encode_prompts(torch.zeros(2, 2, 2), torch.tensor([[2, 3], [1, 0]]))


def test_masks_of_several_prompts_lie_within_the_image(network):
    segmenter = ImageSegmenter(network)
    prompts = [
        Prompt(points=np.array([[160.0, 90.0]]), labels=np.array([1])),
        Prompt(box=np.array([40.0, 30.0, 200.0, 150.0])),
    ]
    for answers in segmenter.segment(segmenter.encode(image()), prompts, several=True):
        assert len(answers) == 3
        assert all(one.mask.shape == (HEIGHT, WIDTH) for one in answers)


def test_a_candidate_starts_an_object_that_another_network_tracks(network):
    segmenter = ImageSegmenter(network)
    prompt = Prompt(points=np.array([[160.0, 90.0]]), labels=np.array([1]))
    ((best, *_),) = segmenter.segment(segmenter.encode(image()), [prompt], several=True)
    assert best.area > 0
    tracker = Tracker(load_network('nano'))
    tracker.add_prompt(Frame(image(), 0), Prompt(mask=best.mask))
    (track,) = tracker.step(Frame(image(), SECOND // 30))
    assert track.mask.shape == (HEIGHT, WIDTH)
