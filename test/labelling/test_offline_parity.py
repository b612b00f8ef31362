# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""In the plain mode a recording is propagated as by Meta's predictor, in both directions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.offline_tracker import OfflineTracker
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.stretch import plan
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings

from ..sam2_predictor import moving_square, sam2_predictor

SIZE, WIDTH, HEIGHT, FRAMES = 128, 320, 200, 20
PERIOD = TrackerSettings().frame_period
PROMPTED = {4: [80, 60, 150, 120], 11: [110, 60, 190, 125], 15: [150, 55, 230, 120]}


@pytest.fixture(scope='module')
def predictor():
    return sam2_predictor(SIZE)


@pytest.fixture(scope='module')
def frames():
    return moving_square(FRAMES, WIDTH, HEIGHT)


@pytest.fixture(scope='module')
def images(frames):
    """The frames as Meta's predictor takes them."""
    return network_input(torch.from_numpy(np.stack(frames)), SIZE)


def meta_logits(predictor, images, monkeypatch, reverse):
    """Return the logits of every frame as Meta's predictor propagates them."""
    monkeypatch.setattr(
        'sam2.sam2_video_predictor.load_video_frames', lambda **_: (images, HEIGHT, WIDTH)
    )
    state = predictor.init_state('')
    for number, box in PROMPTED.items():
        predictor.add_new_points_or_box(state, number, 1, box=box)
    start = max(PROMPTED) if reverse else min(PROMPTED)
    found = {}
    for number, _, _ in predictor.propagate_in_video(state, start, reverse=reverse):
        outputs = state['output_dict_per_obj'][0]
        output = (
            outputs['cond_frame_outputs'].get(number) or outputs['non_cond_frame_outputs'][number]
        )
        found[number] = output['pred_masks'][0, 0]
    return found


def our_logits(network, frames, direction):
    settings = TrackerSettings().in_mode('sam2')
    tracker = OfflineTracker(network, replace(settings, conditioning_memories=len(PROMPTED)))
    for number, box in PROMPTED.items():
        # Our box reaches to the far border of its last pixel; SAM 2 takes that pixel's number.
        ours = np.asarray(box) + np.array([0, 0, WIDTH, HEIGHT]) / SIZE
        frame = Frame(frames[number], number * PERIOD)
        tracker.prompt(number, frame, {1: ObjectPrompts().added(number, Prompt(box=ours))})
    (stretch,) = (
        each for each in plan(1, PROMPTED, FRAMES, 0, whole=True) if each.direction == direction
    )
    found = {stretch.start: tracker.prompted(1, stretch.start).track.logits}
    tracker.begin(stretch)
    for number in stretch.frames:
        tracks = tracker.step(number, Frame(frames[number], number * PERIOD))
        found[number] = tracks[stretch].logits
    assert not tracker.active
    return found


@pytest.mark.parametrize('direction', [1, -1], ids=['forwards', 'backwards'])
def test_a_recording_is_propagated_alike(direction, predictor, frames, images, monkeypatch):
    network = Sam2Network(configuration_named('tiny', SIZE)).eval()
    network.load_state_dict(predictor.state_dict())
    expected = meta_logits(predictor, images, monkeypatch, reverse=direction < 0)
    ours = our_logits(network, frames, direction)
    assert ours.keys() == expected.keys()
    for number, logits in expected.items():
        difference = (ours[number] - logits).abs().max() / logits.abs().max()
        assert difference < 1e-4, (number, float(difference))
    areas = [float((logits > 0).float().mean()) for logits in expected.values()]
    assert any(0.02 < area < 0.98 for area in areas), 'every mask is empty or full'
