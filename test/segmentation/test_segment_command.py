# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command on image files, with the bundled weights."""

from functools import partial
import json
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from sam_tracker.segmentation.segment_command import main
from sam_tracker.segmentation.text_grounder import TextGrounder

from ..command_run import run_command
from .tiny_detectors import owl_model
from .tiny_scorers import save_model

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT.parent / 'shared' / 'data' / 'box.mp4'
WIDTH, HEIGHT = 320, 240


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an image of an orange disc on a grey ground, to work in."""
    rng = np.random.default_rng(0)
    image = rng.normal(110, 8, (HEIGHT, WIDTH, 3)).clip(0, 255).astype(np.uint8)
    cv2.circle(image, (160, 110), 60, (30, 140, 240), -1)
    cv2.imwrite(str(tmp_path / 'scene.png'), image)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (160, 110), 60, 255, -1)
    cv2.imwrite(str(tmp_path / 'disc.png'), mask)
    cv2.imwrite(str(tmp_path / 'small.png'), mask[:100])
    cv2.imwrite(str(tmp_path / 'black.png'), 0 * mask)
    (tmp_path / 'text.png').write_text('no image')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run the command; returns its exit code and the lines of its two streams."""
    return partial(run_command, main, capsys)


def written(folder):
    """Return the masks, the COCO results and the picture of an output folder."""
    paths = sorted((folder / 'masks').glob('*.png'))
    assert [path.name for path in paths] == [f'{n + 1:04}.png' for n in range(len(paths))]
    masks = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths]
    results = json.loads((folder / 'masks_coco.json').read_text())
    return masks, results, cv2.imread(str(folder / 'overlay.png'))


def overlap(mask, other):
    return ((mask > 0) & (other > 0)).sum() / ((mask > 0) | (other > 0)).sum()


def test_a_box_is_answered_with_its_object_in_every_file(run, folder):
    coco = pytest.importorskip('pycocotools.mask')
    code, out, err = run('scene.png', '--box', 100, 50, 120, 120, '-o', 'answer')
    assert (code, err) == (0, [])
    (mask,), (result,), picture = written(folder / 'answer')
    assert mask.shape == (HEIGHT, WIDTH) and set(np.unique(mask)) == {0, 255}
    assert overlap(mask, cv2.imread('disc.png', 0)) > 0.8
    assert np.array_equal(coco.decode(result['segmentation']), mask > 0)
    assert 'bbox' not in result  # pycocotools would take its area for that of the mask
    assert result['area'] == np.count_nonzero(mask)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    headings, row, last = out
    assert headings.split() == [
        *('mask', 'x', 'y', 'w', 'h', 'area', 'predicted', 'IoU', 'stability', 'text', 'label')
    ]
    assert row.split() == [
        '1',
        *(str(int(side)) for side in coco.toBbox(result['segmentation'])),
        str(result['area']),
        f'{result["score"]:.2f}',
        f'{result["stability_score"]:.2f}',
        '-',
        '-',
    ]
    assert last == 'written to answer'


def test_a_click_that_may_mean_several_things_has_three_pictures_side_by_side(run, folder):
    code, _, _ = run('scene.png', '--point', 160, 110, '--several', '-o', 'answer')
    assert code == 0
    masks, results, picture = written(folder / 'answer')
    assert len(masks) == len(results) == 3
    scores = [result['score'] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert picture.shape[1] > 3 * picture.shape[0]


def test_a_mixture_of_all_prompts_is_taken(run, folder):
    code, out, _ = run(
        *('scene.png', '--point', 160, 110, '--negative-point', 20, 20, '--mask', 'disc.png'),
        *('--box', 100, 50, 120, 120, '-o', 'answer'),
    )
    assert code == 0 and len(out) == 3


def test_everything_is_listed_and_an_earlier_answer_replaced(run, folder):
    wish = ['scene.png', '--everything', '-o', 'answer', '--points-per-side', 6]
    code, out, err = run(*wish, '--predicted-iou', 0, '--stability-score', 0, '--minimum-area', 10)
    assert (code, err) == (0, [])
    many, results, picture = written(folder / 'answer')
    assert len(many) == len(results) == len(out) - 2 > 1
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert all(len(result['point']) == 2 for result in results)
    (folder / 'answer' / 'masks' / 'mine.png').write_text('')
    code, out, _ = run(*wish, '--predicted-iou', 1)
    assert code == 0
    assert out == ['nothing was found', 'written to answer']
    assert json.loads((folder / 'answer' / 'masks_coco.json').read_text()) == []
    assert [path.name for path in (folder / 'answer' / 'masks').iterdir()] == ['mine.png']


@pytest.fixture(scope='module')
def detector(transformers, tmp_path_factory):
    """A folder with a tiny open-vocabulary detector of random weights."""
    folder = tmp_path_factory.mktemp('detector')
    with torch.random.fork_rng():
        torch.manual_seed(1)
        owl_model(transformers, 'owlv2', folder).save_pretrained(folder)
    return folder


def test_what_a_text_names_is_segmented_by_its_box_and_labelled(run, folder, detector):
    picture = cv2.imread('scene.png')[..., ::-1]
    found = TextGrounder(detector).ground(picture, 'red. a b', threshold=0.2)
    assert found
    code, out, _ = run(
        *('scene.png', '--text', 'red. a b', '--text-model', detector, '-o', 'answer'),
    )
    assert code == 0
    masks, results, _ = written(folder / 'answer')
    assert len(masks) == len(found) == len(out) - 2
    # Best first, as they were found.
    assert [result['label'] for result in results] == [grounding.label for grounding in found]
    assert [result['text_score'] for result in results] == [one.score for one in found]
    code, out, _ = run(
        *('scene.png', '--text', 'red', '--text-model', detector, '--text-threshold', 1),
    )
    assert (code, out[0]) == (0, 'nothing was found')
    code, _, err = run(
        *('scene.png', '--text', 'red', '--text-model', detector, '--crop-layers', 1)
    )
    assert (code, len(err)) == (1, 1)
    assert f'--crop-layers belongs to the automatic mode; {detector} is a detector' in err[0]


def test_the_masks_of_the_automatic_mode_are_scored_by_a_text(
    transformers, run, folder, tmp_path, capsys
):
    model = tmp_path / 'model'
    model.mkdir()
    with torch.random.fork_rng():
        save_model(transformers, 'siglip', model)
    capsys.readouterr()  # transformers 5 shows what it does
    wish = ['scene.png', '--text', 'Red. blue', '--text-model', model, '-o', 'answer']
    many = ['--points-per-side', 4, '--predicted-iou', 0, '--stability-score', 0]
    code, out, err = run(*wish, *many, '--text-threshold', 0)
    assert (code, err) == (0, [])
    masks, results, _ = written(folder / 'answer')
    assert len(masks) == len(results) == len(out) - 2 > 1
    scores = [result['text_score'] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert {result['label'] for result in results} <= {'Red', 'blue'}
    assert out[1].split()[-2:] == [f'{scores[0]:.2f}', results[0]['label']]
    code, _, err = run(*wish, '--several')
    assert (code, len(err)) == (1, 1)
    assert f'--several needs a prompt or a detector; {model} scores masks' in err[0]


CLICK = ('--point', 10, 10)


@pytest.mark.parametrize(
    ('args', 'code', 'named'),
    [
        ([], 2, 'IMAGE'),
        (['scene.png'], 2, 'nothing to do: give --point'),
        (['scene.png', *CLICK, '--everything'], 2, 'a prompt and --everything do not go together'),
        (['scene.png', '--everything', '--several'], 2, '--several belongs to'),
        (['scene.png', *CLICK, '--crop-layers', 1], 2, '--crop-layers belongs to --everything'),
        (['scene.png', '--text', 'mug'], 2, '--text and --text-model need each other'),
        (['scene.png', '--point', 'left', 3], 2, "'left'"),
        (['scene.png', '--point', 'nan', 3], 2, "'nan' is not finite"),
        (['scene.png', '--box', 1, 2, 0, 4], 2, 'positive, not [0.0, 4.0]'),
        (['none.png', *CLICK], 1, "the image 'none.png' does not exist"),
        (['text.png', *CLICK], 1, "the image 'text.png' is not a readable image"),
        (['scene.png', '--point', 900, 1], 1, 'point 0 at (900, 1) lies outside'),
        (['scene.png', '--box', 900, 2, 40, 40], 1, '[900, 2, 940, 42] does not lie inside'),
        (['scene.png', '--mask', 'small.png'], 1, 'the mask has 320x100 pixels'),
        (['scene.png', '--mask', 'black.png'], 1, "the mask 'black.png' is all black"),
        (['scene.png', '--negative-point', 1, 1], 1, 'all 1 points are negative'),
        (['scene.png', *CLICK, '--device', 'abacus'], 1, "device 'abacus'"),
        (['scene.png', *CLICK, '--checkpoint', 'none.pt'], 1, "'none.pt'"),
        (['scene.png', '--everything', '--predicted-iou', 7], 1, 'from 0 to 1, not 7.0'),
        (['scene.png', *CLICK, '-o', 'text.png'], 1, 'text.png/masks: Not a directory'),
        (['scene.png', '--text', 'mug', '--text-model', 'none'], 1, 'there is no folder none'),
    ],
)
def test_bad_input_is_one_line_that_names_it(run, folder, args, code, named):
    before = sorted(folder.iterdir())
    returned, out, err = run(*args)
    assert (returned, out) == (code, [])
    assert len(err) == 1
    assert err[0].startswith('sam_tracker-segment: ')
    assert named in err[0]
    assert sorted(folder.iterdir()) == before


def test_the_program_segments_a_real_picture(folder):
    if not CLIP.exists():
        pytest.skip(f'{CLIP} is not there')
    pictures = cv2.VideoCapture(str(CLIP))
    cv2.imwrite(str(folder / 'frame.png'), pictures.read()[1])
    # The hand-drawn box of the yellow box in the first picture.
    box = [298, 12, 595 - 298, 240 - 12]
    command = [sys.executable, '-m', 'sam_tracker.segmentation.segment_command', 'frame.png']
    result = subprocess.run(
        [*command, '--box', *map(str, box), '-o', 'answer'],
        cwd=folder,
        env={'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, '')
    (mask,), _, _ = written(folder / 'answer')
    drawn = np.zeros_like(mask)
    drawn[12:240, 298:595] = 255
    x, y, width, height = cv2.boundingRect(mask)
    found = np.zeros_like(mask)
    found[y : y + height, x : x + width] = 255
    assert overlap(found, drawn) > 0.6
