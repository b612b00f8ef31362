# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The commands as a user runs them, on small folders and random weights."""

import json

import cv2
import numpy as np
import pytest

from sam_tracker.evaluation.__main__ import main
from sam_tracker.evaluation.commands import generated
from sam_tracker.evaluation.followers.opencv import algorithms
from sam_tracker.evaluation.followers.sam import MODES
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.tracking.settings import TrackerSettings

from ..video_file import write_video

pytestmark = pytest.mark.slow


def write_frame(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), square(number))


def square(number):
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:30, 10 + number : 30 + number] = 200
    return image


@pytest.fixture
def clips_folder(tmp_path):
    write_video(tmp_path / 'square.avi', map(square, range(6)))
    labels = {
        'square.avi': {'square': {'0': [10, 10, 30, 30], '4': [14, 10, 34, 30]}},
        'elsewhere.avi': {'square': {'0': [10, 10, 30, 30]}},
    }
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    return tmp_path


def test_clips_prints_every_label_and_the_means_last(clips_folder, random_checkpoint, capsys):
    assert main(['clips', str(clips_folder), '--checkpoint', random_checkpoint]) == 0
    shown, told = capsys.readouterr()
    header, *rows, mean = [line.split() for line in shown.splitlines()]
    assert header == ['object', 'frame', 'sam2', 'samurai', 'sam_tracker']
    assert [row[:3] for row in rows] == [
        ['square.avi:', 'square', '0'],
        ['square.avi:', 'square', '4'],
    ]
    assert mean[0] == 'mean'
    for column in (-3, -2, -1):
        values = [float(row[column]) for row in rows]
        assert float(mean[column]) == pytest.approx(np.mean(values), abs=0.001)
    assert 'elsewhere.avi is labelled but absent: skipped' in told


def test_clips_can_be_looked_at(clips_folder, random_checkpoint):
    sheet = clips_folder / 'out' / 'sheet.png'
    command = ['clips', str(clips_folder), '--checkpoint', random_checkpoint]
    assert main([*command, '--modes', 'samurai', '--sheet', str(sheet)]) == 0
    picture = cv2.imread(str(sheet))
    # Frames 0 and 4, the last one that has a label, side by side; true boxes are white.
    assert picture.shape[1] > 2 * 320
    assert (picture == 255).all(axis=2).any()


def test_a_broken_clip_is_an_error(clips_folder, random_checkpoint, capsys):
    (clips_folder / 'elsewhere.avi').write_bytes(b'nothing that plays')
    assert main(['clips', str(clips_folder), '--checkpoint', random_checkpoint]) == 1
    assert 'elsewhere.avi' in capsys.readouterr().err


def test_a_folder_without_any_of_its_clips_is_an_error(clips_folder, random_checkpoint, capsys):
    (clips_folder / 'square.avi').unlink()
    assert main(['clips', str(clips_folder), '--checkpoint', random_checkpoint]) == 1
    assert 'none of the clips' in capsys.readouterr().err


def test_an_absent_checkpoint_is_an_error_in_one_line(clips_folder, capsys):
    assert main(['clips', str(clips_folder), '--checkpoint', 'absent.pt']) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error')]
    assert len(errors) == 1
    assert 'absent.pt' in errors[0]


def test_generated_leaves_tables_figures_and_pictures(tmp_path, random_checkpoint, capsys):
    arguments = [
        'generated', '--checkpoint', random_checkpoint, '--sets', 'easy/any/box', 'easy/any/point',
        '--clips', '1', '--frames', '4', '--size', '64', '--modes', 'sam2', 'samurai',
        '--output', str(tmp_path),
    ]  # fmt: skip
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert 'easy/any/box: 1 clips of 4 frames' in shown
    assert 'samurai - sam2' in shown
    figures = json.loads((tmp_path / 'figures.json').read_text())
    sets = figures['sets']
    assert 'static box' in sets['easy/any/box']
    assert list(sets['easy/any/point']) == ['sam2', 'samurai']
    assert sets['easy/any/box']['sam2']['figures']['region']['count'] == 1
    assert cv2.imread(str(tmp_path / 'easy_any_box.png')) is not None


def test_the_comparison_has_both_states_of_the_filter_and_each_rule_alone():
    settings = TrackerSettings.for_network(configuration_named('nano').suited_settings)
    models = {MODES[mode](settings).motion_model for mode in generated.MODES}
    assert {'kalman_width_height', 'kalman_aspect_height'} <= models
    assert {'sam2', 'selection', 'memory', 'samurai'} <= set(generated.MODES)


@pytest.mark.parametrize('name', ['medium/box', 'medium/any/text', 'odd/any/box', 'easy/rain/box'])
def test_an_unknown_set_is_refused_with_the_known_ones(name, capsys):
    with pytest.raises(SystemExit):
        main(['generated', '--sets', name])
    assert f'{name!r} is no difficulty (easy, medium, hard)' in capsys.readouterr().err


def write_otb(folder):
    for number in range(4):
        write_frame(folder / f'Square/img/{number + 1:04}.jpg', number)
    rows = [f'{10 + number},10,20,20' for number in range(4)]
    (folder / 'Square/groundtruth_rect.txt').write_text('\n'.join(rows))


def test_a_benchmark_leaves_a_table_and_boxes_that_its_toolkit_can_read(
    tmp_path, random_checkpoint, capsys
):
    write_otb(tmp_path / 'otb')
    arguments = [
        'otb', str(tmp_path / 'otb'), '--checkpoint', random_checkpoint, '--save-boxes',
        '--floors', '--output', str(tmp_path / 'out'),
    ]  # fmt: skip
    assert main(arguments) == 0
    assert 'AUC' in capsys.readouterr().out
    boxes = np.loadtxt(tmp_path / 'out/samurai/Square.txt', delimiter=',')
    assert boxes.shape == (4, 4)
    scores = json.loads((tmp_path / 'out/figures.json').read_text())['scores']
    assert set(scores) == {'sam2', 'samurai', next(iter(algorithms())), 'static box'}
    assert 0 <= scores['sam2']['AUC'] <= 1


def test_several_workers_find_what_one_finds(tmp_path, random_checkpoint):
    write_otb(tmp_path / 'otb')
    figures = []
    for workers in ('1', '2'):
        output = tmp_path / workers
        arguments = [
            'otb',
            str(tmp_path / 'otb'),
            '--checkpoint',
            random_checkpoint,
            '--modes',
            'samurai',
        ]
        assert main([*arguments, '--workers', workers, '--output', str(output)]) == 0
        figures.append(json.loads((output / 'figures.json').read_text()))
    assert figures[0] == figures[1]


def test_a_broken_benchmark_is_an_error(tmp_path, random_checkpoint, capsys):
    write_otb(tmp_path)
    (tmp_path / 'Square/groundtruth_rect.txt').write_text('1,2,3\n')
    assert main(['otb', str(tmp_path), '--checkpoint', random_checkpoint]) == 1
    assert '3 numbers instead of 4' in capsys.readouterr().err


def test_a_prompt_outside_the_image_is_named_with_its_clip(
    clips_folder, random_checkpoint, capsys
):
    labels = {'square.avi': {'square': {'2': [300, 300, 340, 330]}}}
    (clips_folder / 'labels.json').write_text(json.dumps(labels))
    assert main(['clips', str(clips_folder), '--checkpoint', random_checkpoint]) == 1
    assert 'square.avi, frame 2: the box [300, 300, 340, 330]' in capsys.readouterr().err


def test_nothing_to_run_is_an_error(clips_folder):
    with pytest.raises(SystemExit, match='neither a mode nor a floor'):
        main(['clips', str(clips_folder), '--modes'])


def test_an_image_size_that_no_network_has_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(['generated', '--image-size', '100'])
    assert 'a multiple of 32 from 128 to 1024, not 100' in capsys.readouterr().err
