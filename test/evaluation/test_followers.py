# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.followers.follower import filled_box
from sam_tracker.evaluation.followers.opencv import OpenCvTracker, algorithms
from sam_tracker.evaluation.followers.sam import MODES, SamFollower, in_mode
from sam_tracker.evaluation.followers.static_box import StaticBox
from sam_tracker.evaluation.readers.generated_clips import generated
from sam_tracker.evaluation.run import run
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings

NANO = configuration_named('nano').suited_settings


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return Sam2Network(configuration_named('nano')).eval()


def clip(prompt='box', frames=20):
    dataset = generated(prompt, 'easy', None, clips=1, frames=frames, size=64)
    return dataset.open_sequence(dataset.sequence_names[0])


def test_a_box_is_filled_by_the_pixels_whose_centres_lie_in_it():
    mask = filled_box(np.array([1.0, 0.6, 3.5, 2.0]), (3, 5))
    assert np.argwhere(mask).tolist() == [[1, 1], [1, 2]]


def test_the_static_box_stays_where_the_prompt_was():
    result = run(StaticBox(), clip())
    (target,) = result.targets
    assert (target.boxes == target.target.prompt.box).all()
    assert target.present.all()


def test_a_follower_of_boxes_takes_a_mask_and_refuses_points():
    frame = np.zeros((8, 9, 3), np.uint8)
    mask = np.zeros((8, 9), bool)
    mask[2:5, 3:7] = True
    observation = StaticBox().prompt(Frame(frame, 0), 1, Prompt(mask=mask))
    assert observation.box.tolist() == [3, 2, 7, 5]
    with pytest.raises(ValueError, match='cannot start from points'):
        StaticBox().prompt(Frame(frame, 0), 1, Prompt(points=[[1, 1]], labels=[1]))


def test_the_best_tracker_of_the_installed_opencv_follows_a_moving_square():
    follower = OpenCvTracker()
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.integers(0, 255, (8, 8, 3)).astype(np.uint8), (40, 40))
    follower.begin()
    for number in range(8):
        frame = np.full((120, 160, 3), 90, np.uint8)
        x, y = 20 + 4 * number, 30 + 2 * number
        frame[y : y + 40, x : x + 40] = texture
        if number == 0:
            follower.prompt(Frame(frame, 0), 1, Prompt(box=[x, y, x + 40, y + 40]))
        else:
            found = follower.step(Frame(frame, number))[1]
    assert found.box == pytest.approx([x, y, x + 40, y + 40], abs=12)
    assert follower.name == next(iter(algorithms()))


def test_a_tracker_that_opencv_lacks_is_refused_with_those_it_has():
    with pytest.raises(
        ValueError, match=rf'no GOTURN tracker; it has .*{next(iter(algorithms()))}'
    ):
        OpenCvTracker('GOTURN')


@pytest.mark.parametrize('mode', MODES)
def test_every_mode_follows_an_object(network, mode):
    result = run(in_mode(mode, network), clip(frames=4))
    assert np.isfinite(result.targets[0].region).all()


@pytest.mark.parametrize('prompt', ['point', 'mask'])
def test_every_kind_of_prompt_is_understood(network, prompt):
    result = run(in_mode('samurai', network), clip(prompt, frames=3))
    assert np.isfinite(result.targets[0].region).all()


def test_each_rule_alone_leaves_the_other_as_in_sam2():
    settings = TrackerSettings.for_network(NANO)
    selection, memory = MODES['selection'](settings), MODES['memory'](settings)
    assert selection.motion_weight == settings.motion_weight
    assert memory.motion_weight == 0
    assert memory.memory_affinity == settings.memory_affinity
    assert selection.presence_logit == memory.presence_logit == 0


def test_selection_without_weight_and_memory_without_thresholds_is_plain_sam2(network):
    neither = replace(
        MODES['selection'](TrackerSettings.for_network(NANO)),
        motion_weight=0.0,
        exclusive=False,
    )
    sequence = clip(frames=20)
    ours = run(SamFollower('neither', network, neither), sequence).targets[0]
    plain = run(in_mode('sam2', network), sequence).targets[0]
    assert np.array_equal(ours.boxes, plain.boxes, equal_nan=True)
