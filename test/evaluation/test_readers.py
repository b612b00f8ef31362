# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tiny folders in the layouts of the public data sets, sound and broken, read and followed."""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
import pytest

from sam_tracker.evaluation.__main__ import main
from sam_tracker.evaluation.readers.davis import davis
from sam_tracker.evaluation.readers.files import image_size, read_image
from sam_tracker.evaluation.readers.got10k import got10k
from sam_tracker.evaluation.readers.lasot import lasot
from sam_tracker.evaluation.readers.otb import otb
from sam_tracker.evaluation.readers.real import real
from sam_tracker.evaluation.readers.sav import sav
from sam_tracker.evaluation.sequence import DatasetError

WIDTH, HEIGHT = 40, 30


def write_frames(folder, count, first=1, digits=8):
    """Write frames of one colour each, red 20 times their number from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        image[..., 2] = min(20 * (number + 1), 255)
        cv2.imwrite(str(folder / f'{number + first:0{digits}}.jpg'), image)


def write_labels(path, ids, palette=True):
    """Write object ids [H, W] as DAVIS does, or as plain grey values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids.astype(np.uint8))
    if palette:
        image.putpalette([value for colour in range(256) for value in (255 - colour, 7, colour)])
    image.save(path)


def refusal(dataset):
    with pytest.raises(DatasetError) as caught:
        for name in dataset.sequence_names:
            for _ in dataset.open_sequence(name).frames():
                pass
    return str(caught.value)


@pytest.fixture
def lasot_folder(tmp_path):
    folder = tmp_path / 'cat' / 'cat-3'
    write_frames(folder / 'img', 3)
    (folder / 'groundtruth.txt').write_text('1,2,10,20\n2,2,10,20\n0,0,0,0\n')
    (folder / 'full_occlusion.txt').write_text('0,0,1\n')
    (folder / 'out_of_view.txt').write_text('0,0,0\n')
    return tmp_path


def test_lasot_gives_frames_boxes_and_visibility(lasot_folder):
    dataset = lasot(lasot_folder)
    assert dataset.sequence_names == ['cat-3']
    sequence = dataset.open_sequence('cat-3')
    (target,) = sequence.targets
    assert target.prompt.box.tolist() == [1, 2, 11, 22]
    assert target.boxes[1].tolist() == [2, 2, 12, 22]
    assert target.visible.tolist() == [True, True, False]
    reds = [int(frame[..., 0].mean().round()) for frame in sequence.frames()]
    assert np.allclose(reds, [20, 40, 60], atol=2)


def test_hidden_files_are_no_frames(lasot_folder):
    img = lasot_folder / 'cat/cat-3/img'
    (img / '._00000001.jpg').write_bytes(b'Mac OS X')
    sequence = lasot(lasot_folder).open_sequence('cat-3')
    assert len(list(sequence.frames())) == 3


def test_the_size_of_an_image_is_that_of_its_upright_picture(tmp_path):
    path = tmp_path / 'photograph.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(path, exif=exif.tobytes())
    assert image_size(path) == (HEIGHT, WIDTH)
    assert read_image(path).shape == (WIDTH, HEIGHT, 3)


def test_frames_are_read_only_when_they_are_asked_for(lasot_folder):
    sequence = lasot(lasot_folder).open_sequence('cat-3')
    frames = sequence.frames()
    assert next(frames).shape == (HEIGHT, WIDTH, 3)
    (lasot_folder / 'cat/cat-3/img/00000002.jpg').write_bytes(b'no image')
    with pytest.raises(DatasetError, match=r'00000002\.jpg is no image'):
        next(frames)


def test_the_testing_set_of_lasot_chooses_and_orders_the_sequences(lasot_folder):
    (lasot_folder / 'testing_set.txt').write_text('dog-1\ncat-3\n')
    dataset = lasot(lasot_folder)
    assert dataset.sequence_names == ['dog-1', 'cat-3']
    assert 'dog/dog-1 is no folder' in refusal(dataset)


def test_a_line_that_is_no_box_is_named(lasot_folder):
    truth = lasot_folder / 'cat/cat-3/groundtruth.txt'
    truth.write_text('1,2,10,20\n1,2,10,wide\n0,0,0,0\n')
    assert "groundtruth.txt, line 2: '1,2,10,wide' is not numbers" in refusal(lasot(lasot_folder))
    truth.write_text('1,2,10,20\n1,2,10\n0,0,0,0\n')
    assert 'groundtruth.txt, line 2: 3 numbers instead of 4' in refusal(lasot(lasot_folder))


def test_boxes_must_be_as_many_as_frames(lasot_folder):
    (lasot_folder / 'cat/cat-3/groundtruth.txt').write_text('1,2,10,20\n')
    assert 'has 1 lines for 3 frames' in refusal(lasot(lasot_folder))


def test_flags_must_be_as_many_as_frames(lasot_folder):
    (lasot_folder / 'cat/cat-3/out_of_view.txt').write_text('0,0\n')
    assert 'out_of_view.txt has 2 values for 3 frames' in refusal(lasot(lasot_folder))


def test_a_first_box_outside_the_image_is_refused_and_one_across_its_border_cut(lasot_folder):
    truth = lasot_folder / 'cat/cat-3/groundtruth.txt'
    truth.write_text('-3,2,10,99\n2,2,10,20\n0,0,0,0\n')
    (target,) = lasot(lasot_folder).open_sequence('cat-3').targets
    assert target.prompt.box.tolist() == [0, 2, 7, HEIGHT]
    truth.write_text('50,2,10,9\n2,2,10,20\n0,0,0,0\n')
    assert 'cat-3: its first box [50.0, 2.0, 60.0, 11.0]' in refusal(lasot(lasot_folder))


@pytest.mark.parametrize(
    ('reader', 'complaint'),
    [
        (lasot, 'it is no LaSOT folder'),
        (otb, 'it is no OTB folder'),
        (got10k, 'it is no subset of GOT-10k'),
        (davis, 'cannot read .*val.txt'),
        (sav, 'should have one list'),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, reader, complaint):
    with pytest.raises(DatasetError, match=complaint):
        reader(tmp_path)
    with pytest.raises(DatasetError, match='absent is no folder'):
        reader(tmp_path / 'absent')


@pytest.fixture
def got10k_folder(tmp_path):
    for subset in ('val', 'test'):
        write_frames(tmp_path / subset / 'A_1', 3)
        (tmp_path / subset / 'list.txt').write_text('A_1\n')
    (tmp_path / 'val/A_1/groundtruth.txt').write_text('1.5,2,10,20\n2,2,10,20\n3,2,1,1\n')
    (tmp_path / 'val/A_1/cover.label').write_text('8\n3\n0\n')
    (tmp_path / 'test/A_1/groundtruth.txt').write_text('1,2,10,20\n')
    return tmp_path


def test_got10k_is_read_from_its_folder_and_from_that_of_a_subset(got10k_folder):
    for folder in (got10k_folder, got10k_folder / 'val'):
        (sequence,) = map(got10k(folder).open_sequence, got10k(folder).sequence_names)
        (target,) = sequence.targets
        assert target.boxes[0].tolist() == [1.5, 2, 11.5, 22]
        assert target.visible.tolist() == [True, True, False]


def test_the_truth_of_the_test_subset_of_got10k_is_not_known(got10k_folder):
    (target,) = got10k(got10k_folder, 'test').open_sequence('A_1').targets
    assert target.prompt.box.tolist() == [1, 2, 11, 22]
    assert np.isnan(target.boxes[1:]).all()


def test_a_truth_of_got10k_cut_short_is_refused(got10k_folder):
    (got10k_folder / 'val/A_1/groundtruth.txt').write_text('1,2,10,20\n1,2,10,20\n')
    assert 'has 2 lines for 3 frames' in refusal(got10k(got10k_folder))


def test_otb_takes_any_separator_several_targets_and_the_published_frames(tmp_path):
    write_frames(tmp_path / 'Boy/img', 2, digits=4)
    (tmp_path / 'Boy/groundtruth_rect.txt').write_text('1\t2\t10\t20\n2\t2\t10\t20\n')
    write_frames(tmp_path / 'Jogging/img', 2, digits=4)
    (tmp_path / 'Jogging/groundtruth_rect.1.txt').write_text('1,2,10,20\n2,2,10,20\n')
    (tmp_path / 'Jogging/groundtruth_rect.2.txt').write_text('5,2,10,20\n6,2,10,20\n')
    (tmp_path / 'Jogging/groundtruth_rect.3.txt').write_text('\n')
    write_frames(tmp_path / 'Football1/img', 76, digits=4)
    (tmp_path / 'Football1/groundtruth_rect.txt').write_text('1 2 10 20\n' * 74)
    dataset = otb(tmp_path)
    assert dataset.sequence_names == ['Boy', 'Football1', 'Jogging.1', 'Jogging.2']
    starts = [
        dataset.open_sequence(name).targets[0].prompt.box[0] for name in dataset.sequence_names
    ]
    assert starts == [1, 1, 1, 5]
    assert dataset.open_sequence('Football1').frame_count == 74


@pytest.fixture
def davis_folder(tmp_path):
    (tmp_path / 'ImageSets/2017').mkdir(parents=True)
    (tmp_path / 'ImageSets/2017/val.txt').write_text('bear\n')
    write_frames(tmp_path / 'JPEGImages/480p/bear', 3, first=0, digits=5)
    for frame in range(3):
        ids = np.zeros((HEIGHT, WIDTH), np.uint8)
        ids[2:6, 3 + frame : 9 + frame] = 1
        ids[10:20, 10:30] = 2
        ids[25:] = 255
        write_labels(tmp_path / f'Annotations/480p/bear/{frame:05}.png', ids)
    return tmp_path


def test_davis_gives_every_object_its_mask_and_ignores_void(davis_folder):
    sequence = davis(davis_folder).open_sequence('bear')
    first, second = sequence.targets
    assert (first.object_id, second.object_id) == (1, 2)
    assert first.prompt.mask.sum() == 24
    assert first.mask(2)[2:6, 5:11].all()
    assert second.mask(1).sum() == 200
    assert sequence.object_ids(0).max() == 2


def test_davis_without_a_mask_for_every_frame_is_refused(davis_folder):
    (davis_folder / 'Annotations/480p/bear/00001.png').unlink()
    assert '2 masks for 3 frames of bear' in refusal(davis(davis_folder))


def litter(folder: Path) -> None:
    """Leave beside every file and folder what macOS does."""
    for path in list(folder.rglob('*')):
        path.with_name(f'._{path.name}').write_bytes(b'Mac OS X')
        path.with_name('.DS_Store').write_bytes(b'Bud1')


def test_hidden_files_are_no_masks_and_no_sequences(davis_folder):
    litter(davis_folder)
    assert len(davis(davis_folder).open_sequence('bear').targets) == 2
    dataset = real(davis_folder)
    assert [name.rpartition('/')[2] for name in dataset.sequence_names] == ['bear']


def test_colours_instead_of_ids_are_refused(davis_folder):
    path = davis_folder / 'Annotations/480p/bear/00000.png'
    Image.new('RGB', (WIDTH, HEIGHT)).save(path)
    assert 'holds colours, not object ids; its mode is RGB' in refusal(davis(davis_folder))


@pytest.fixture
def sav_folder(tmp_path):
    (tmp_path / 'sav_val.txt').write_text('sav_000001\n')
    write_frames(tmp_path / 'JPEGImages_24fps/sav_000001', 9, first=0, digits=5)
    for frame in (0, 4, 8):
        for name, start in (('000', 0), ('001', 4)):
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            if frame >= start:
                mask[4:8, 4:9] = 255
            path = tmp_path / f'Annotations_6fps/sav_000001/{name}/{frame:05}.png'
            write_labels(path, mask, palette=False)
    return tmp_path


def test_sav_prompts_each_object_where_it_first_appears(sav_folder):
    sequence = sav(sav_folder).open_sequence('sav_000001')
    assert [target.first_frame for target in sequence.targets] == [0, 4]
    late = sequence.targets[1]
    assert late.prompt.mask.sum() == 20
    assert late.mask(3) is None
    assert late.mask(8).sum() == 20
    assert late.judged_frames.tolist() == [0, 4, 8]


def test_masks_of_16_bits_are_those_of_8(sav_folder):
    for path in (sav_folder / 'Annotations_6fps/sav_000001/000').glob('*.png'):
        cv2.imwrite(str(path), (cv2.imread(str(path), 0) > 0) * np.uint16(256))
    sequence = sav(sav_folder).open_sequence('sav_000001')
    assert sequence.targets[0].prompt.mask.sum() == 20


def test_hidden_files_are_no_objects_of_sav(sav_folder):
    litter(sav_folder)
    sequence = sav(sav_folder).open_sequence('sav_000001')
    assert [target.first_frame for target in sequence.targets] == [0, 4]


def test_sav_masks_of_frames_that_do_not_exist_are_refused(sav_folder):
    (sav_folder / 'JPEGImages_24fps/sav_000001/00008.jpg').unlink()
    assert '00008.png is the mask of a frame' in refusal(sav(sav_folder))


def test_a_sav_object_without_a_pixel_is_refused(sav_folder):
    for path in (sav_folder / 'Annotations_6fps/sav_000001/001').glob('*.png'):
        write_labels(path, np.zeros((HEIGHT, WIDTH), np.uint8), palette=False)
    assert '001 has no mask with a pixel in it' in refusal(sav(sav_folder))


@pytest.mark.parametrize('name', ['lasot', 'got10k', 'davis', 'sav'])
def test_every_benchmark_is_followed_and_quoted_by_its_own_figures(
    name, request, tmp_path, random_checkpoint
):
    folder = request.getfixturevalue(f'{name}_folder')
    arguments = [name, str(folder), '--checkpoint', random_checkpoint]
    assert main([*arguments, '--output', str(tmp_path / 'out')]) == 0
    figures = json.loads((tmp_path / 'out/figures.json').read_text())
    expected = {
        'lasot': ['AUC', 'Pnorm', 'P20'],
        'got10k': ['AO', 'SR50', 'SR75'],
        'davis': ['J&F', 'J', 'F'],
        'sav': ['J&F', 'J', 'F'],
    }
    for mode in ('sam2', 'samurai'):
        assert list(figures['scores'][mode]) == expected[name]
        assert all(0 <= value <= 1 for value in figures['scores'][mode].values())
    assert (tmp_path / 'out/success.png').stat().st_size > 1000


def test_the_test_subset_of_got10k_leaves_boxes_and_no_figures(
    got10k_folder, tmp_path, random_checkpoint
):
    arguments = ['got10k', str(got10k_folder), '--subset', 'test', '--modes', 'samurai']
    output = tmp_path / 'out'
    options = ['--checkpoint', random_checkpoint, '--save-boxes', '--output', str(output)]
    assert main([*arguments, *options]) == 0
    assert np.loadtxt(output / 'samurai/A_1.txt', delimiter=',').shape == (3, 4)
    scores = json.loads((output / 'figures.json').read_text())['scores']
    assert scores['samurai'] == {'AO': None, 'SR50': None, 'SR75': None}
