# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded sequences in several layouts: found, read, tracked, and reported."""

import json

import cv2
import numpy as np
from PIL import Image
import pytest

from sam_tracker.evaluation import recorded
from sam_tracker.evaluation.__main__ import main
from sam_tracker.evaluation.readers.real import real
from sam_tracker.evaluation.run import SequenceResult, TargetResult
from sam_tracker.evaluation.sequence import DatasetError, Target

from ..video_file import write_video

WIDTH, HEIGHT, FRAMES = 64, 48, 6


def image(number):
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[10:30, 10 + number : 30 + number] = 200
    return picture


def write_images(folder):
    folder.mkdir(parents=True)
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f'{number:05}.jpg'), image(number))


def write_masks(folder, absent=()):
    folder.mkdir(parents=True)
    for number in range(FRAMES):
        shown = (image(number)[..., 0] > 0) & (number not in absent)
        Image.fromarray(shown.astype(np.uint8) * 255).save(folder / f'{number:05}.png')


@pytest.fixture
def folder(tmp_path):
    """OTB, DAVIS and a labelled clip beside each other."""
    write_images(tmp_path / 'boxes/Square/img')
    rows = [f'{10 + number},10,20,20' for number in range(FRAMES)]
    (tmp_path / 'boxes/Square/groundtruth_rect.txt').write_text('\n'.join(rows))
    (tmp_path / 'boxes/Square/absent.txt').write_text('\n'.join('000010'))
    write_images(tmp_path / 'davis/JPEGImages/480p/slide')
    write_masks(tmp_path / 'davis/Annotations/480p/slide', absent=(3,))
    write_video(tmp_path / 'square.avi', map(image, range(FRAMES)))
    labels = {'square.avi': {'square': {'0': [10, 10, 30, 30], '4': [14, 10, 34, 30]}}}
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    return tmp_path


def test_every_layout_in_a_folder_is_found(folder):
    assert list(real(folder).sequence_names) == [
        f'{folder.name}/square.avi',
        'boxes/Square',
        'davis/slide',
    ]


def test_a_layout_is_found_where_it_is_the_folder_itself(folder):
    assert list(real(folder / 'davis').sequence_names) == ['davis/slide']
    assert list(real(folder / 'boxes').sequence_names) == ['boxes/Square']


def test_sequences_are_chosen_by_their_own_or_their_whole_name(folder):
    chosen = real(folder, ('slide', 'boxes/Square'))
    assert list(chosen.sequence_names) == ['boxes/Square', 'davis/slide']
    with pytest.raises(DatasetError, match="holds no sequence 'Circle'"):
        real(folder, ('slide', 'Circle'))


def test_a_folder_without_sequences_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match='holds no sequences'):
        real(tmp_path)


def test_all_that_a_mask_of_davis_marks_is_one_object_prompted_by_its_box(folder):
    sequence = real(folder).open_sequence('davis/slide')
    (target,) = sequence.targets
    assert sequence.name == 'davis/slide'
    assert target.prompt.box.tolist() == [10, 10, 30, 30]
    assert target.boxes[5].tolist() == [15, 10, 35, 30]
    assert target.visible.tolist() == [True, True, True, False, True, True]
    assert target.mask(2).sum() == 400


def test_absences_beside_the_boxes_of_otb_are_read(folder):
    (target,) = real(folder).open_sequence('boxes/Square').targets
    assert target.visible.tolist() == [True, True, True, True, False, True]


def result(boxes, truth, visible=None, name='a'):
    truth = np.array(truth, float)
    boxes = np.array(boxes, float)
    count = len(truth)
    visible = np.ones(count, bool) if visible is None else np.array(visible)
    overlap = np.where(np.isnan(boxes[:, 0]), 0.0, (boxes == truth).all(axis=1).astype(float))
    target = TargetResult(
        target=Target(1, 0, None, truth, visible),
        boxes=boxes,
        present=~np.isnan(boxes[:, 0]),
        overlap=overlap,
        region=np.full(count, np.nan),
        boundary=np.full(count, np.nan),
        shown=np.ones(count, bool),
        identities=np.zeros(count, np.int64),
    )
    return SequenceResult(name, (100, 100), (target,), 1.0, count)


NONE = [np.nan] * 4


def test_figures_are_of_the_frames_after_the_prompt_that_show_the_object():
    truth = [[0, 0, 20, 20]] * 5
    found = [truth[0], truth[0], [50, 50, 70, 70], NONE, NONE]
    (row,) = recorded.rows([result(found, truth, [True, True, True, True, False])])
    assert row.figures['overlap'] == pytest.approx(1 / 3)
    assert row.figures['half'] == pytest.approx(1 / 3)
    assert row.figures['first'] == 1
    # Of three frames that show it two are called so, of one that does not, one.
    assert row.figures['presence'] == pytest.approx((2 / 3 + 1) / 2)
    assert row.figures['gone'] == 1
    assert np.isnan(row.figures['region'])
    assert np.isnan(row.figures['returned'])


def test_disappearance_and_re_appearance_have_figures_of_their_own():
    truth = [[0, 0, 20, 20]] * 9
    visible = [True, True, False, False, False, False, True, True, True]
    found = [*truth[:3], NONE, NONE, NONE, NONE, truth[0], truth[0]]
    (row,) = recorded.rows([result(found, truth, visible)])
    assert row.figures['gone'] == pytest.approx(3 / 4)
    assert row.figures['returned'] == pytest.approx(2 / 3)


def test_a_figure_that_no_object_has_is_left_out_of_the_mean():
    truth = [[0, 0, 20, 20]] * 3
    both = recorded.rows([result(truth, truth), result([truth[0], NONE, NONE], truth)])
    means = recorded.means(both)
    assert means['overlap'] == 0.5
    assert np.isnan(means['region'])


@pytest.mark.parametrize(
    ('side', 'label'), [(4, 'side up to 5 %'), (15, '10 to 20 %'), (50, 'side above 30 %')]
)
def test_objects_are_told_apart_by_their_size(side, label):
    (row,) = recorded.rows([result([[0, 0, side, side]] * 2, [[0, 0, side, side]] * 2)])
    assert row.attributes == (label,)


def test_fast_and_absent_objects_are_told_apart():
    fast = [[5 * step, 0, 5 * step + 20, 20] for step in range(4)]
    slow = [[step, 0, step + 20, 20] for step in range(4)]
    quick, gone = recorded.rows(
        [result(fast, fast), result(slow, slow, [True, True, False, True], 'b')]
    )
    assert 'fast' in quick.attributes and 'absent at times' not in quick.attributes
    assert 'absent at times' in gone.attributes and 'fast' not in gone.attributes
    groups = recorded.by_attribute([quick, gone])
    assert [row.sequence for row in groups['fast']] == ['a']


def test_the_worst_sequences_come_first():
    truth = [[0, 0, 20, 20]] * 3
    rows = recorded.rows(
        [
            result(truth, truth, name='good'),
            result([truth[0], NONE, NONE], truth, name='bad'),
            result([truth[0], truth[0], NONE], truth, name='fair'),
        ]
    )
    assert recorded.worst(rows, 2) == ['bad', 'fair']


def test_the_command_tells_means_attributes_and_objects(folder, random_checkpoint, capsys):
    output = folder / 'out'
    command = ['real', str(folder), '--checkpoint', random_checkpoint, '--output', str(output)]
    assert main([*command, '--modes', 'samurai']) == 0
    shown = capsys.readouterr().out
    assert f'{folder}: 3 objects' in shown
    lines = [line.split() for line in shown.splitlines()]
    static = next(line for line in lines if line[:2] == ['static', 'box'])
    told = json.loads((output / 'figures.json').read_text())
    overlaps = [row['figures']['overlap'] for row in told['objects']['static box']]
    assert float(static[2]) == pytest.approx(np.mean(overlaps), abs=0.001)
    assert any(line[:1] == ['davis/slide'] for line in lines)
    assert cv2.imread(str(output / 'worst.jpg')).shape[1] > 3 * 320


def test_the_command_runs_without_floors_on_chosen_sequences(folder, random_checkpoint, capsys):
    command = ['real', str(folder), '--checkpoint', random_checkpoint, '--no-floors']
    command += ['--output', str(folder / 'out'), '--sequences', 'slide', '--modes', 'sam2']
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert 'static box' not in shown and 'Square' not in shown
