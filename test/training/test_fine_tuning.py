# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Any network that tracks is fine-tuned on own clips, as its page says."""

import json
import os
from pathlib import Path
import sys

import cv2
import numpy as np
from PIL import Image
import pytest
import torch

from sam_tracker.networks.registry import build_network
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.training.__main__ import parse
from sam_tracker.training.footage import Footage
from sam_tracker.training.processes import train
from sam_tracker.training.settings import Settings
from sam_tracker.training.trainer import CHECKPOINT, LOG

from ..conftest import Program
from ..readme_commands import commands
from .test_real_images import HEIGHT, WIDTH, write_video

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/fine_tuning.md').read_text()
TRUNK = 'image_encoder.trunk.'

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    write_video(folder, 'red', (230, 20, 20))
    write_video(folder, 'blue', (20, 20, 230))
    return folder


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """A folder with random weights of EdgeTAM and of SAM 2.1 tiny under their published names."""
    folder = tmp_path_factory.mktemp('checkpoints')
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, file in (('edgetam', 'edgetam.pt'), ('tiny', 'sam2.1_hiera_tiny.pt')):
            torch.save({'model': build_network(name).state_dict()}, folder / file)
    return folder


def fitted(command: str, clips: Path) -> list[str]:
    """Make a command of the page small enough for a test; return its module and arguments."""
    small = {
        '--size 512': '--size 256',
        '--image-size 512': '--image-size 256',
        '--frames 8': '--frames 2',
        '--minutes 120': '--minutes 0.01',
        'CLIPS': str(clips),
        'VIDEO': 'blue',
    }
    for there, here in small.items():
        command = command.replace(there, here)
    program, *words = command.split()
    if program == 'python':
        return words[1:]
    assert program == 'sam_tracker-checkpoint'
    return [f'{Path(sys.executable).parent / program}', *words]


@pytest.mark.timeout(1200)
def test_the_commands_of_the_page_train_show_and_compare(
    clips, checkpoints, tmp_path, warm_python
):
    environment = {
        **os.environ,
        'SAM_TRACKER_CHECKPOINTS': str(checkpoints),
        'OMP_NUM_THREADS': '1',
    }
    # The text names two of them again, without what follows.
    given = [each for each in commands(PAGE) if 'out/' in each or ' CLIPS ' in each]
    assert [each.split()[:3] for each in given] == [
        ['python', '-m', 'sam_tracker.training'],
        ['sam_tracker-checkpoint', 'show', 'out/fine_tuned/edgetam.pt'],
        ['python', '-m', 'sam_tracker.evaluation'],
        ['python', '-m', 'sam_tracker.evaluation'],
    ]
    printed = []
    for command in given:
        module, *arguments = fitted(command, clips)
        log = tmp_path / 'log'
        program = Program(warm_python.run(module, arguments, environment, log, tmp_path), log)
        assert program.wait(600.0) == 0, program.output
        printed.append(program.output)
    assert 'edgetam' in printed[1]
    assert '1 objects' in printed[2] and '1 objects' in printed[3]
    start = load_network(checkpoints / 'edgetam.pt').state_dict()
    trained = load_network(tmp_path / 'out/fine_tuned/edgetam.pt').state_dict()
    changed = {name for name in start if not torch.equal(start[name].half().float(), trained[name])
               and start[name].is_floating_point()}  # fmt: skip
    assert changed
    assert not {name for name in changed if name.startswith(TRUNK)}
    logged = [json.loads(line) for line in (tmp_path / 'out/fine_tuned' / LOG).open()]
    assert all(np.isfinite(each['loss']) for each in logged if 'loss' in each)


def test_sam_2_1_learns_with_its_trunk_too_when_that_is_not_frozen(clips, checkpoints, tmp_path):
    start = checkpoints / 'sam2.1_hiera_tiny.pt'
    options = f'--minutes 0.001 --network tiny --start {start} --data {clips} --real-share 1'
    small = '--size 128 --clips 1 --objects 1 --frames 2 --evaluation-clips 0'
    settings = parse([*options.split(), *small.split(), '--output', str(tmp_path)])
    assert settings.curriculum.learning_rate == 2e-5
    train(settings)
    after = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    before = load_network(start).state_dict()
    changed = {
        name for name, value in before.items() if not torch.equal(value, after['network'][name])
    }
    assert after['step'] > 0
    assert any(name.startswith(TRUNK) for name in changed)
    assert 'memory_encoder.out_proj.weight' in changed


def test_weights_of_another_network_are_refused_by_name(checkpoints, tmp_path):
    settings = Settings(
        tmp_path, minutes=0.01, network='tiny', image_size=256, start=checkpoints / 'edgetam.pt'
    )
    with pytest.raises(ValueError, match=r'edgetam\.pt holds edgetam, not tiny'):
        train(settings)


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ('--network tiny', '--network tiny needs --start'),
        ('--real-share 1.5', '--real-share is 1.5, must be from 0 to 1'),
        ('--frames 0', '--frames is 0, must be positive'),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_by_value(options, named, capsys):
    with pytest.raises(SystemExit):
        parse(['--minutes', '1', '--output', 'out', *options.split()])
    assert named in capsys.readouterr().err


def test_a_network_for_single_images_is_not_trained(tmp_path):
    with pytest.raises(ValueError, match='sam_vit_b segments single images'):
        train(Settings(tmp_path, minutes=0.01, network='sam_vit_b', image_size=256, start='any'))


def test_each_object_of_a_video_is_followed_by_itself(tmp_path):
    """Two squares, in a palette image as DAVIS has them, whose colours share a channel."""
    images = tmp_path / 'davis/JPEGImages/480p/pair'
    masks = tmp_path / 'davis/Annotations/480p/pair'
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for number in range(4):
        ids = np.zeros((HEIGHT, WIDTH), np.uint8)
        ids[10:30, 10:30], ids[10:30, 40:60] = 1, 3
        picture = Image.fromarray(ids, 'P')
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
        picture.save(masks / f'{number:05}.png')
        cv2.imwrite(str(images / f'{number:05}.jpg'), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    footage = Footage(tmp_path)
    assert footage.objects('pair', 0) == [1, 3]
    _, (mask,) = footage.video('pair', [2], 3)
    assert np.argwhere(mask).min(0).tolist() == [10, 40] and mask.sum() == 400
    _, (both,) = footage.video('pair', [2])
    assert both.sum() == 800
    rng = np.random.default_rng(0)
    drawn = [footage.draw_video(rng, 2)[1] for _ in range(12)]
    columns = {tuple(np.flatnonzero(mask.any(0))[[0, -1]]) for pair in drawn for mask in pair}
    assert columns == {(10, 29), (40, 59)}
