# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Real clips with real weights, compared with the results of the released code.

The recordings and their weights are too large for the repository. They are in the folder that the
environment variable SAM_TRACKER_RECORDED names; without it the test is skipped.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.sam2.configuration import NetworkConfiguration
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

FOLDER = Path(os.environ.get('SAM_TRACKER_RECORDED', 'recorded'))
CLIPS = sorted(FOLDER.glob('*.npz'))

# Of the weights that the recordings were made with.
CONFIGURATION = NetworkConfiguration(
    name='recorded',
    image_size=128,
    hiera_width=32,
    hiera_heads=1,
    hiera_blocks=(1, 2, 4, 1),
    hiera_windows=(8, 8, 8, 8),
    hiera_global_blocks=(4, 5, 6),
    hiera_position_grid=7,
    embedding_dimension=128,
    memory_attention_layers=2,
    memory_attention_feedforward=512,
    decoder_heads=4,
    decoder_feedforward=512,
    iou_head_hidden=128,
    stability_fallback=False,
)


@pytest.fixture(scope='module')
def network():
    network = Sam2Network(CONFIGURATION).eval()
    weights = torch.load(FOLDER / 'interim_nano.pt', map_location='cpu', weights_only=True)
    network.load_state_dict(weights['model'])
    return network


@pytest.mark.skipif(not CLIPS, reason='SAM_TRACKER_RECORDED names no folder with recordings')
@pytest.mark.parametrize('path', CLIPS, ids=lambda path: path.stem)
def test_a_recorded_clip_is_tracked_as_by_the_released_code(path, network):
    clip = np.load(path)
    settings = TrackerSettings(binarise_prompted_masks=False, closer_look=False)
    settings = (
        settings.in_mode('samurai_released') if clip['samurai'] else settings.in_mode('sam2')
    )
    tracker = Tracker(network, settings)
    # The recording gave the network the very numbers of the box; its corners are pixels.
    box = clip['prompt_box'] + [0, 0, 1, 1]
    tracks = [tracker.add_prompt(Frame(clip['frames'][0], 0), Prompt(box=box))]
    means = [np.full(8, np.nan)]
    for number, frame in enumerate(clip['frames'][1:], 1):
        tracks += tracker.step(Frame(frame, number * settings.frame_period))
        motion = tracker._objects[1].selector.motion
        means.append(np.full(8, np.nan) if motion is None else motion.mean)

    expected = np.unpackbits(clip['masks'], axis=-1).astype(bool)
    overlaps = [iou(track.mask, mask) for track, mask in zip(tracks, expected, strict=True)]
    assert min(overlaps) >= 0.99, int(np.argmin(overlaps))
    affinities = [track.mask_affinity_score for track in tracks]
    np.testing.assert_allclose(affinities[1:], clip['s_iou'][1:], atol=1e-3)
    np.testing.assert_allclose([track.object_score for track in tracks], clip['s_obj'], atol=1e-2)
    np.testing.assert_allclose([track.motion_score for track in tracks], clip['s_kf'], atol=1e-6)
    np.testing.assert_allclose(means, clip['kf_mean'], atol=1e-9)


def iou(mask, other):
    union = (mask | other).sum()
    return (mask & other).sum() / union if union else 1.0
