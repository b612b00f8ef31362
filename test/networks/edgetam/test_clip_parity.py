# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A whole clip in the plainest SAM 2 loop, against what Meta's predictor for EdgeTAM answered.

The reference follows one object at a time: with two it raises.
"""

import copy

import pytest
import torch

from ..plain_loop import PlainLoop
from . import scene


@pytest.fixture(scope='module')
def objects(edgetam, reference):
    """Track all objects; return what is known of each."""
    frames = [torch.from_numpy(frame) for frame in scene.moving_blobs()]
    objects = {}
    for group in (scene.PRESENT, scene.COMING_AND_GOING):
        network = copy.deepcopy(edgetam(scene.CLIP_SIZE))
        shift = reference[f'{group[0]}_shift']
        network.sam_mask_decoder.pred_obj_score_head.layers[2].bias += shift
        network.optimise(torch.device('cpu'), torch.float32, compiled=False)
        with torch.inference_mode():
            objects |= track(PlainLoop(network, frames), group)
    return objects


def track(loop, names):
    tracked = -1
    for command in (command for command in scene.COMMANDS if command.name in names):
        # A correction is about what was found on its frame; a new object has nothing there yet.
        until = command.frame if command.name in loop.objects else command.frame - 1
        loop.track(tracked + 1, until)
        tracked = max(tracked, until)
        loop.prompt(command.name, command.frame, command.points, command.labels, mask_of(command))
    loop.track(tracked + 1, scene.FRAMES - 1)
    return loop.objects


def mask_of(command):
    if command.mask is None:
        return None
    return torch.from_numpy(scene.mask_image(command))[None, None].float()


@pytest.mark.parametrize('name', scene.PRESENT + scene.COMING_AND_GOING)
def test_a_clip_is_tracked_alike(objects, reference, name, assert_close):
    history = objects[name]
    outputs = history.conditioning | history.others
    assert sorted(outputs) == reference[f'{name}_frames'].tolist()
    for index, frame in enumerate(sorted(outputs)):
        output = outputs[frame]
        assert_close(output.mask_logits[0, 0, ::2, ::2], reference[f'{name}_logits'][index])
        assert_close(output.pointer[0], reference[f'{name}_pointer'][index])
    logits = torch.cat([outputs[frame].object_logit for frame in sorted(outputs)])
    assert_close(logits, reference[f'{name}_presence'])


def test_objects_come_and_go_in_the_clip(reference):
    for name in scene.PRESENT:
        assert reference[f'{name}_presence'][0] > 0
    presence = torch.cat([reference[f'{name}_presence'] for name in scene.COMING_AND_GOING]) > 0
    assert presence.any() and not presence.all()
