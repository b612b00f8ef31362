# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Every precision that can be chosen tracks, and much as float32 does."""

import pytest

from sam_tracker import Frame, Prompt, Tracker, load_network
from sam_tracker.core.boxes import box_iou
from sam_tracker.networks.runtime import PRECISIONS, choose_runtime
from sam_tracker.video.generated import generate_clip

FRAMES = 6


def boxes(precision: str) -> list:
    """Return the boxes of an object on the frames of a clip, by the bundled network."""
    runtime = choose_runtime('cpu', precision)
    tracker = Tracker(runtime.place(load_network('nano')), None, runtime)
    clip = generate_clip(3, FRAMES, (120, 160), 'easy')
    first, *others = (Frame(pixels, index + 1) for index, pixels in enumerate(clip.frames))
    tracker.add_prompt(first, Prompt(mask=clip.masks[0] == 1))
    return [tracker.step(frame)[0].box for frame in others]


@pytest.mark.parametrize('precision', sorted(PRECISIONS))
def test_every_precision_tracks_as_float32_does(precision):
    for ours, exact in zip(boxes(precision), boxes('float32'), strict=True):
        assert box_iou(ours, exact) > 0.85
