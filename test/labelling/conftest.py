# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A short clip with its truth, as a video, a folder and bags; and the bundled network."""

import cv2
import numpy as np
import pytest

from sam_tracker.networks.weights.loading import load_network
from sam_tracker.video.generated import generate_clip

from ..video_file import write_video

FRAMES, SIZE = 16, 128
PERIOD = 33_333_333


@pytest.fixture(scope='session')
def clip():
    """Frames RGB, masks [T, H, W] and boxes [T, objects, 4] of a generated clip."""
    return generate_clip(10_007, FRAMES, SIZE, 'easy', held_out=True)


@pytest.fixture(scope='session')
def images(clip):
    return [np.asarray(frame) for frame in clip.frames]


@pytest.fixture(scope='session')
def network():
    return load_network('nano', image_size=128)


@pytest.fixture
def folder(images, tmp_path):
    """The clip as a folder of images."""
    path = tmp_path / 'clip'
    path.mkdir()
    for number, image in enumerate(images):
        assert cv2.imwrite(str(path / f'{number}.png'), image[..., ::-1])
    return path


@pytest.fixture
def video(images, tmp_path):
    bgr = (image[..., ::-1] for image in images)
    return write_video(tmp_path / 'clip.mp4', bgr, rate=30, codec='mp4v')
