# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the bundled weights answer on single images; parity is shown with other weights."""

import numpy as np
import pytest
import torch

from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.video.generated import generate_clip

SEEDS = range(6)


@pytest.fixture(scope='module')
def segmenter():
    return ImageSegmenter(load_network('nano'), Runtime(torch.device('cpu')))


def overlap(first, second):
    return np.count_nonzero(first & second) / np.count_nonzero(first | second)


def mean_overlap(segmenter, prompt_of):
    """Return the mean IoU of the best candidate with the largest object of easy pictures."""
    found = []
    for seed in SEEDS:
        clip = generate_clip(seed, 1, (240, 320), 'easy', held_out=True)
        areas = np.bincount(clip.masks[0].ravel())[1:]
        truth = clip.masks[0] == areas.argmax() + 1
        encoded = segmenter.encode(clip.frames[0])
        ((candidate,),) = segmenter.segment(encoded, [prompt_of(truth)], several=False)
        found.append(overlap(candidate.mask, truth))
    return np.mean(found)


def box_of(mask):
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_a_box_is_answered_with_what_is_in_it(segmenter):
    assert mean_overlap(segmenter, lambda truth: Prompt(box=box_of(truth))) > 0.6


def test_a_mask_alone_is_answered_with_the_thing_it_shows(segmenter):
    assert mean_overlap(segmenter, lambda truth: Prompt(mask=truth)) > 0.6
