# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration, run as `make demo` runs it, and its errors."""

import json
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from sam_tracker.core.run_length import uncompressed
from sam_tracker.video.sources import open_source

from ..video_file import write_video

ROOT = Path(__file__).resolve().parents[2]


def demo(domain: int, output: Path, **variables: object) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, ROS_DOMAIN_ID=str(domain), OUTPUT=str(output))
    environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    for name in ('VIDEO', 'BOX', 'LABEL', 'CHECKPOINT'):
        environment.pop(name, None)
    environment.update({name: str(value) for name, value in variables.items()})
    return subprocess.run(
        [sys.executable, str(ROOT / 'demo' / 'run.py')],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> Path:
    """A second of a square that moves."""
    images = np.full((15, 120, 160, 3), 60, np.uint8)
    for number, image in enumerate(images):
        image[40:80, 20 + 4 * number : 60 + 4 * number] = (40, 200, 240)
    path = tmp_path_factory.mktemp('video') / 'square.mp4'
    return write_video(path, images, rate=15, codec='mp4v')


def test_any_video_is_tracked_and_leaves_pictures(domain, tmp_path, video, random_checkpoint):
    ran = demo(
        domain,
        tmp_path,
        VIDEO=video,
        BOX='20,40,40,40',
        LABEL='square',
        CHECKPOINT=random_checkpoint,
    )
    assert ran.returncode == 0, ran.stderr
    assert 'object 1 (square) is followed' in ran.stdout
    assert 'square: seen on' in ran.stdout
    for name in ('contact_sheet.png', 'scores.png', 'overlay.mp4', 'tracks.jsonl'):
        assert (tmp_path / name).stat().st_size > 0
        assert str(tmp_path / name) in ran.stdout


@pytest.mark.parametrize(
    'variables,complaint',
    [
        ({'VIDEO': '/no/such.mp4'}, "'/no/such.mp4' does not exist"),
        ({'VIDEO': 'pattern', 'BOX': '1,2,3,4'}, "VIDEO='pattern' is an endless source"),
        ({'VIDEO': 'square'}, 'BOX is not set'),
        ({'VIDEO': 'square', 'BOX': '1,2,3'}, "BOX='1,2,3' is not x,y,w,h"),
        ({'VIDEO': 'square', 'BOX': '150,0,20,20'}, 'frames of 160x120 pixels'),
    ],
)
def test_what_is_wrong_with_the_environment_is_said(domain, tmp_path, video, variables, complaint):
    if variables['VIDEO'] == 'square':
        variables = {**variables, 'VIDEO': video}
    ran = demo(domain, tmp_path, **variables)
    assert ran.returncode == 1
    assert complaint in ran.stderr
    assert 'Traceback' not in ran.stderr


def test_a_tracker_that_cannot_start_ends_the_demonstration(domain, tmp_path, video):
    ran = demo(domain, tmp_path, VIDEO=video, BOX='20,40,40,40', CHECKPOINT='/no/weights.pt')
    assert ran.returncode == 1
    assert '/no/weights.pt' in ran.stderr
    assert 'Traceback' not in ran.stderr


def test_the_real_clip_has_a_true_mask_for_every_frame_and_says_whose_it_is():
    known = json.loads((ROOT / 'demo' / 'flamingos.json').read_text())
    assert 'CC BY 4.0' in known['source']
    source = open_source(str(ROOT / 'demo' / 'flamingos.mp4'))
    frames = 0
    while (frame := source.read()) is not None:
        frames += 1
        height, width = frame.bgr.shape[:2]
    masks = known['masks']['flamingo']
    assert frames == source.frame_count == len(masks)
    assert all(0.02 < (uncompressed(each, width, height) != 0).mean() < 0.3 for each in masks)
    for x_min, y_min, x_max, y_max in known['prompts'].values():
        assert 0 <= x_min < x_max <= width
        assert 0 <= y_min < y_max <= height
