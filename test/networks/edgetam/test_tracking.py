# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""EdgeTAM loaded from a file of its names, in the tracker as it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

from . import scene

WIDTH, HEIGHT = 320, 240
BOXES = [
    np.array([20.0 + 50 * number, 30 + 20 * number, 80 + 50 * number, 110 + 20 * number])
    for number in range(5)
]


@pytest.fixture(scope='module')
def network(edgetam, tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'edgetam.pt'
    torch.save({'model': edgetam(scene.CLIP_SIZE).state_dict()}, path)
    return choose_runtime('cpu').place(load_network(path, scene.CLIP_SIZE))


def frames(count):
    noise = scene.noise(HEIGHT // 20, WIDTH // 20, 3, seed=11)
    for number in range(count):
        shifted = np.roll(noise.repeat(20, axis=0).repeat(20, axis=1), 5 * number, axis=1)
        yield Frame(np.clip(128 + 50 * shifted, 0, 255).astype(np.uint8), number * SECOND // 30)


def tracked(network, boxes):
    """Track objects together; return the logits of each on each frame."""
    settings = TrackerSettings.for_network(network.suited_settings)
    tracker = Tracker(network, settings=replace(settings, exclusive=False))
    first, *others = frames(6)
    for box in boxes:
        tracker.add_prompt(first, Prompt(box=box))
    return [[track.logits.clone() for track in tracker.step(frame)] for frame in others]


def test_the_file_is_that_of_edgetam(network):
    assert network.name == 'edgetam'
    assert network.memory_layout.tokens == 512


@pytest.mark.parametrize('objects', [2, 5])
def test_objects_are_tracked_together_as_each_alone(network, objects, assert_close):
    together = tracked(network, BOXES[:objects])
    for number, box in enumerate(BOXES[:objects]):
        for answered, alone in zip(together, tracked(network, [box]), strict=True):
            assert len(answered) == objects
            assert_close(answered[number], alone[0])


def test_memory_does_not_grow_with_the_clip(network):
    tracker = Tracker(network)
    first, *others = frames(20)
    tracker.add_prompt(first, Prompt(box=BOXES[0]))
    tracker.step(others[0])
    held = tracker.memory_bytes
    for frame in others[1:]:
        tracker.step(frame)
    assert tracker.memory_bytes == held
