# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Without the motion model, clips are tracked as by Meta's own video predictor.

Both run the same random weights. The predictor has all frames at once and follows every object
for itself; the tracker is given one frame at a time and follows them together.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

from ..sam2_predictor import moving_square, sam2_predictor

SIZE, WIDTH, HEIGHT, FRAMES = 128, 320, 200, 18
PERIOD = TrackerSettings().frame_period
PLAIN = TrackerSettings().in_mode('sam2')


@pytest.fixture(scope='module')
def predictor():
    return sam2_predictor(SIZE)


@pytest.fixture(scope='module')
def network(predictor):
    network = Sam2Network(configuration_named('tiny', SIZE)).eval()
    network.load_state_dict(predictor.state_dict())
    return network


@pytest.fixture(scope='module')
def clip():
    """Frames as our tracker takes them, and as the predictor does."""
    frames = moving_square(FRAMES, WIDTH, HEIGHT)
    for number, frame in enumerate(frames):
        frame[20 + 4 * number : 70 + 4 * number, 20:60] = [30, 60, 200]
    return frames, network_input(torch.from_numpy(np.stack(frames)), SIZE)


@pytest.fixture
def begin(predictor, clip, monkeypatch):
    """Start a session of the predictor for one object."""
    monkeypatch.setattr(
        'sam2.sam2_video_predictor.load_video_frames', lambda **_: (clip[1], HEIGHT, WIDTH)
    )
    return lambda: predictor.init_state('')


def points_as_sam2(points):
    """Our points lie in a pixel; SAM 2 gives it the number of the pixel, scaled."""
    return np.asarray(points) + 0.5 * np.array([WIDTH, HEIGHT]) / SIZE


def box_as_sam2(box):
    """Our box reaches to the far border of its last pixel; SAM 2 takes that pixel's number."""
    return np.asarray(box) + np.array([0, 0, WIDTH, HEIGHT]) / SIZE


def propagated(predictor, state, first, last=FRAMES - 1):
    """Track, and return the logits as decoded and the mask of every frame."""
    found = {}
    for number, _, logits in predictor.propagate_in_video(state, first, last - first):
        outputs = state['output_dict_per_obj'][0]
        output = (
            outputs['cond_frame_outputs'].get(number) or outputs['non_cond_frame_outputs'][number]
        )
        found[number] = output['pred_masks'][0, 0], (logits[0, 0] > 0).numpy()
    return found


def assert_same(tracks, found):
    assert set(tracks) == set(found)
    for number, (logits, mask) in found.items():
        difference = (tracks[number].logits - logits).abs().max() / logits.abs().max()
        assert difference < 1e-4, (number, float(difference))
        union = (mask | tracks[number].mask).sum()
        same = (mask & tracks[number].mask).sum()
        assert union == 0 or same / union > 0.999, (number, same, union)


def test_box_click_and_mask_prompts_are_tracked_alike(predictor, network, clip, begin):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[70:130, 100:180] = True
    box, point, late = [80, 60, 150, 120], [[40.0, 45.0]], 3
    expected = []
    for number, prompt in enumerate(('box', 'point', 'mask')):
        state = begin()
        if prompt == 'box':
            predictor.add_new_points_or_box(state, 0, 1, box=box)
        elif prompt == 'point':
            predictor.add_new_points_or_box(state, 0, 1, points=point, labels=[1])
        else:
            predictor.add_new_mask(state, late, 1, mask)
        expected.append(propagated(predictor, state, late if number == 2 else 0))

    tracker, frames = Tracker(network, PLAIN), clip[0]
    tracks = [{}, {}, {}]
    tracks[0][0] = tracker.add_prompt(Frame(frames[0], 0), Prompt(box=box_as_sam2(box)))
    tracks[1][0] = tracker.add_prompt(Frame(frames[0], 0), Prompt(points_as_sam2(point), [1]))
    for number in range(1, FRAMES):
        if number == late:
            tracks[2][late] = tracker.add_prompt(
                Frame(frames[late], late * PERIOD), Prompt(mask=mask)
            )
        for index, track in enumerate(tracker.step(Frame(frames[number], number * PERIOD))):
            tracks[index][number] = track
    for ours, theirs in zip(tracks, expected, strict=True):
        assert_same(ours, theirs)
    areas = [track.mask.mean() for ours in tracks for track in ours.values()]
    assert any(0.02 < area < 0.98 for area in areas), 'every mask is empty or full'


@pytest.mark.parametrize('conditions', [False, True])
def test_a_correction_on_the_newest_frame_is_followed_alike(
    conditions, predictor, network, clip, begin, monkeypatch
):
    monkeypatch.setattr(predictor, 'add_all_frames_to_correct_as_cond', conditions)
    box, points, labels, when = [80, 60, 150, 120], [[150.0, 90.0], [30.0, 180.0]], [1, 0], 5
    state = begin()
    predictor.add_new_points_or_box(state, 0, 1, box=box)
    expected = propagated(predictor, state, 0, when)
    predictor.add_new_points_or_box(state, when, 1, points=points, labels=labels)
    expected |= propagated(predictor, state, when + 1)
    kind = 'cond_frame_outputs' if conditions else 'non_cond_frame_outputs'
    corrected = state['output_dict_per_obj'][0][kind][when]['pred_masks'][0, 0]

    tracker = Tracker(network, replace(PLAIN, corrections_condition=conditions))
    frames = clip[0]
    tracks = {0: tracker.add_prompt(Frame(frames[0], 0), Prompt(box=box_as_sam2(box)))}
    for number in range(1, FRAMES):
        (tracks[number],) = tracker.step(Frame(frames[number], number * PERIOD))
        if number == when:
            before = tracks[when]
            after = tracker.add_prompt(
                Frame(frames[when], when * PERIOD),
                Prompt(points_as_sam2(points), labels),
                object_id=1,
            )
    assert_same(tracks, expected)
    assert before.state == 1, 'there was no mask to correct'
    difference = (after.logits - corrected).abs().max() / corrected.abs().max()
    assert difference < 1e-4
    assert not torch.allclose(after.logits, before.logits, rtol=0.05)
