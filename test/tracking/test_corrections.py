# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts that refine an object: what the network is asked, and which answers are taken."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import MOST_POINTS, Prompt, PromptError
from sam_tracker.networks.mask_images import MaskImages, mask_boxes
from sam_tracker.tracking.corrections import agreement
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

SIZE = 128
SIDE = SIZE // 4
WIDTH, HEIGHT = 320, 160
SETTINGS = TrackerSettings(closer_look=False)
BOX = Prompt(box=[100, 40, 200, 110])
ON = Prompt(points=[[150, 80]], labels=[1])
BESIDE = Prompt(points=[[250, 20]], labels=[0])
DISC = (14.5, 15.5, 5)
"""Cells; the middle of the disc is at (150, 80) in the image."""


def at(number):
    return Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), number * SETTINGS.frame_period)


@pytest.fixture
def playing(scripted, disc):
    """Make a tracker of one disc; ``where(prompt)`` answers x, y and radius to what is asked."""

    def start(where=lambda prompt: DISC, settings=SETTINGS):
        def script(frame, number):
            place = where(network.prompts[-1]) if network.prompts else DISC
            logits = disc(SIDE, *place).expand(3, SIDE, SIDE)
            return logits, torch.tensor([0.9, 0.8, 0.7]), 6.0

        network = scripted(SIZE, script)
        return Tracker(network, settings), network

    return start


def labels_and_mask(network):
    _, labels, mask_logits, _ = network.prompts[-1]
    return labels[0].tolist(), mask_logits


def test_prompts_on_one_frame_add_up_and_start_from_the_mask(playing):
    tracker, network = playing()
    before = tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), ON, object_id=1)
    labels, mask_logits = labels_and_mask(network)
    assert labels == [2, 3, 1]
    assert torch.equal(mask_logits[0, 0], before.logits.clamp(-32, 32))
    tracker.add_prompt(at(0), BESIDE, object_id=1)
    assert labels_and_mask(network)[0] == [2, 3, 1, 0]


def test_a_new_box_takes_the_place_of_the_box(playing):
    tracker, network = playing()
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), ON, object_id=1)
    tracker.add_prompt(at(0), Prompt(box=[90, 40, 210, 120]), object_id=1)
    points, labels, _, _ = network.prompts[-1]
    assert labels[0].tolist() == [2, 3, 1]
    assert points[0, :2].tolist() == [[36, 32], [83, 95]]


def test_a_mask_takes_the_place_of_all_and_can_be_corrected(playing):
    tracker, network = playing()
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), ON, object_id=1)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40:120, 100:200] = True
    given = tracker.add_prompt(at(0), Prompt(mask=mask), object_id=1)
    assert (given.mask != mask).sum() < 0.01 * mask.sum()
    tracker.add_prompt(at(0), BESIDE, object_id=1)
    # The clicked answer differs much from the mask, so that the network is asked without it too.
    (_, labels, mask_logits, _), (_, again, nothing, _) = network.prompts[-2:]
    assert labels.tolist() == again.tolist() == [[2, 3, 0]]
    assert torch.equal(mask_logits[0, 0], given.logits) and nothing is None


def test_on_a_later_frame_the_tracked_mask_says_what_was_said_before(playing):
    tracker, network = playing()
    tracker.add_prompt(at(0), BOX)
    (tracked,) = tracker.step(at(1))
    tracker.add_prompt(at(1), BESIDE, object_id=1)
    labels, mask_logits = labels_and_mask(network)
    assert labels == [0]
    assert torch.equal(mask_logits[0, 0], tracked.logits.clamp(-32, 32))
    assert network.readings[1, 1].frames == [0]
    tracker.add_prompt(at(1), ON, object_id=1)
    assert labels_and_mask(network)[0] == [0, 1]


def test_a_frame_that_repeats_a_stamp_after_the_clock_restarted_is_another_one(playing):
    tracker, network = playing()
    tracker.add_prompt(at(0), BOX)
    tracker.restart_clock()
    tracker.add_prompt(at(0), ON, object_id=1)
    assert labels_and_mask(network)[0] == [1]


def test_the_points_of_many_corrections_stay_bounded(playing):
    tracker, network = playing()
    many = Prompt(points=np.tile([[150, 80]], (MOST_POINTS, 1)), labels=np.ones(MOST_POINTS))
    tracker.add_prompt(at(0), many)
    tracker.add_prompt(at(0), BESIDE, object_id=1)
    assert labels_and_mask(network)[0] == [1] * (MOST_POINTS - 1) + [0]


@pytest.mark.parametrize('mode', ['sam2', 'samurai_released'])
def test_in_the_released_modes_every_prompt_stands_alone_and_every_answer_counts(playing, mode):
    tracker, network = playing(
        lambda prompt: (0, 0, -1) if 0 in prompt[1] else DISC, SETTINGS.in_mode(mode)
    )
    tracker.add_prompt(at(0), BOX)
    assert not tracker.add_prompt(at(0), BESIDE, object_id=1).mask.any()
    assert labels_and_mask(network)[0] == [0]


def test_an_answer_that_contradicts_the_click_is_asked_for_again_without_the_mask(playing):
    inside = Prompt(points=[[165, 80]], labels=[0])
    tracker, network = playing(
        # With the mask before, the network repeats it.
        lambda prompt: DISC if prompt[2] is not None or 0 not in prompt[1] else (12, 15.5, 3)
    )
    before = tracker.add_prompt(at(0), BOX)
    after = tracker.add_prompt(at(0), inside, object_id=1)
    assert labels_and_mask(network) == ([2, 3, 0], None)
    assert before.mask[80, 165] and not after.mask[80, 165] and after.mask.any()


@pytest.mark.parametrize('better', ['with', 'without'])
def test_of_answers_that_agree_the_one_that_changes_the_mask_less_is_taken(playing, disc, better):
    smaller, smallest = (14.5, 15.5, 4.3), (14.5, 15.5, 3.8)

    def where(prompt):
        if 0 not in prompt[1]:
            return DISC
        return smaller if (prompt[2] is not None) == (better == 'with') else smallest

    tracker, network = playing(where)
    tracker.add_prompt(at(0), BOX)
    tracker.step(at(1))
    refined = tracker.add_prompt(at(1), BESIDE, object_id=1)
    assert len(network.prompts) == 3
    assert torch.equal(refined.logits, disc(SIDE, *smaller))


@pytest.mark.parametrize(
    ('answer', 'prompt', 'reason'),
    [
        ((0, 0, -1), BESIDE, 'the mask would be empty'),
        (DISC, Prompt(points=[[150, 80]], labels=[0]), r'negative point at \(150, 80\) .* inside'),
        (
            DISC,
            Prompt(points=[[250, 20]], labels=[1]),
            r'positive point at \(250, 20\) .* outside',
        ),
        ((25, 15.5, 5), BESIDE, 'another one'),
        ((14.5, 15.5, 3.2), Prompt(points=[[150, 80]], labels=[1]), 'keep only'),
    ],
)
def test_an_answer_that_contradicts_the_prompt_is_refused_and_changes_nothing(
    playing, answer, prompt, reason
):
    asked = []
    tracker, network = playing(lambda _: answer if asked else DISC)
    tracker.add_prompt(at(0), BOX)
    (before,) = tracker.step(at(1))
    memory, objects = tracker.memory_bytes, tracker.objects
    for _ in range(3):
        asked.append(True)
        with pytest.raises(PromptError, match=reason):
            tracker.add_prompt(at(1), prompt, object_id=1)
        assert tracker.objects == objects == [before]
    assert tracker.memory_bytes <= 2 * memory
    asked.clear()
    tracker.step(at(2))
    assert network.readings[2, 1].frames == [0, 1]


def test_of_several_candidates_one_that_follows_the_click_is_taken(scripted, disc):
    def script(frame, number):
        empty = torch.full((SIDE, SIDE), -5.0)
        wrong = empty if network.prompts[-1][1].tolist() == [[0]] else disc(SIDE, *DISC)
        return torch.stack((wrong, disc(SIDE, *DISC), wrong)), torch.tensor([0.9, 0.5, 0.8]), 6.0

    network = scripted(SIZE, script)
    tracker = Tracker(network, SETTINGS)
    tracker.add_prompt(at(0), BOX)
    tracker.step(at(1))
    refined = tracker.add_prompt(at(1), BESIDE, object_id=1)
    assert refined.mask[80, 150]
    assert refined.mask_affinity_score == pytest.approx(0.5)


def test_a_far_positive_click_may_move_the_track_to_another_place(playing):
    there = Prompt(points=[[260, 80]], labels=[1])
    tracker, _ = playing(lambda prompt: (25.5, 15.5, 3) if 1 in prompt[1] else DISC)
    tracker.add_prompt(at(0), BOX)
    tracker.step(at(1))
    assert tracker.add_prompt(at(1), there, object_id=1).mask[80, 260]


@pytest.mark.parametrize('origin', [(0, 0), (40, 20)])
def test_a_click_that_the_published_mask_follows_is_never_a_contradiction(origin):
    generator = torch.Generator().manual_seed(4)
    scale = replace(ImageScale(200, 120, SIZE), origin=origin)
    logits = torch.nn.functional.interpolate(
        torch.randn(1, 1, 8, 8, generator=generator), SIDE, mode='bicubic'
    )[0]
    region, crop = MaskImages(logits, list(mask_boxes(logits).numpy()), [scale]).crop(0)
    assert 0.1 < (crop != 0).mean() < 0.9
    ys, xs = np.mgrid[region.y : region.y + region.height, region.x : region.x + region.width]
    for ys_part, xs_part, crop_part in zip(ys[::7], xs[::7], crop[::7], strict=True):
        points = np.stack((xs_part, ys_part), axis=1) + 0.5
        agreed = agreement(logits, scale, Prompt(points, (crop_part != 0).astype(int)), None)
        assert agreed.followed.all()


def test_clicks_deep_on_the_wrong_side_are_contradictions(disc):
    logits = disc(SIDE, *DISC)[None]
    scale = ImageScale(WIDTH, HEIGHT, SIZE)
    prompt = Prompt(points=[[150, 80], [150, 80], [20, 20], [20, 20]], labels=[1, 0, 1, 0])
    assert agreement(logits, scale, prompt, None).followed.tolist() == [[True, False, False, True]]
