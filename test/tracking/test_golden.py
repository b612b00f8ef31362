# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Frame by frame what the released SAMURAI code decided (commit 76ba195 of yangchris11/samurai).

Each .npz holds what the mask decoder said on every frame of a clip, and what the released code
made of it: the candidate chosen, the scores, the state of its filter, the memories it read. The
folder can be given in the environment variable SAM_TRACKER_GOLDEN.
"""

from dataclasses import replace
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

FOLDER = Path(os.environ.get('SAM_TRACKER_GOLDEN', Path(__file__).parents[1] / 'data/golden'))
CLIPS = sorted(FOLDER.glob('*.npz'))
SIZE = 256
IMAGE = np.zeros((SIZE, SIZE, 3), np.uint8)


def test_golden_clips_are_there():
    assert CLIPS, f'{FOLDER} holds no .npz'


@pytest.mark.parametrize('path', CLIPS, ids=lambda path: path.stem)
def test_golden_clip_is_decided_as_by_the_released_code(path, scripted):
    clip = np.load(path)
    logits = torch.from_numpy(clip['logits'].astype(np.float32))
    iou = torch.from_numpy(clip['iou'])
    network = scripted(
        SIZE,
        lambda frame, _: (logits[frame], iou[frame], clip['object_logit'][frame]),
    )
    settings = replace(TrackerSettings(), motion_weight=float(clip['alpha'])).in_mode(
        'samurai_released'
    )
    tracker = Tracker(network, settings)
    track = tracker.add_prompt(Frame(IMAGE, 0), Prompt(box=[80, 80, 120, 140]))
    assert tracker._objects[1].selector.motion is None

    for frame in range(1, len(logits)):
        (track,) = tracker.step(Frame(IMAGE, frame * settings.frame_period))
        reading = network.readings[frame, 1]
        expected = clip['memory_frames'][frame]
        assert reading.frames == expected[expected >= 0].tolist(), frame
        slots = clip['memory_slots'][frame]
        assert reading.positions == slots[slots >= 0].tolist(), frame

        chosen = logits[frame, clip['choice'][frame]]
        if clip['object_logit'][frame] <= -1:
            chosen = torch.full_like(chosen, -1024)
        assert torch.equal(track.logits, chosen), frame
        assert iou_of(track.mask, resized(chosen)) >= 0.999, frame

        assert track.mask_affinity_score == clip['s_iou'][frame]
        assert track.object_score == clip['s_obj'][frame]
        np.testing.assert_allclose(track.motion_score, clip['s_kf'][frame], rtol=1e-9, atol=1e-9)
        selector = tracker._objects[1].selector
        assert selector.confirmed == clip['stable'][frame], frame
        np.testing.assert_allclose(
            selector.motion.mean, clip['kf_mean'][frame], rtol=1e-9, atol=1e-8, err_msg=str(frame)
        )
        np.testing.assert_allclose(
            selector.motion.covariance, clip['kf_cov'][frame], rtol=1e-8, atol=1e-8
        )


def resized(logits):
    size = (SIZE, SIZE)
    full = torch.nn.functional.interpolate(logits[None, None], size=size, mode='bilinear')
    return (full[0, 0] > 0).numpy()


def iou_of(mask, other):
    union = (mask | other).sum()
    return (mask & other).sum() / union if union else 1.0
