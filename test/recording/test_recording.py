# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A recording can be played, looked at and read by others' tools."""

import errno
import json
import math
import os

import cv2
import numpy as np
import pytest

from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordedFrame, RecordedTrack, RecordingError
from sam_tracker.recording.recording import Recording

WIDTH, HEIGHT = 161, 121


def frame(number: int, tracks=None, width=WIDTH, height=HEIGHT) -> RecordedFrame:
    """Return a frame at 10 Hz on which a square moves to the right."""
    if tracks is None:
        x = 10 + number
        square = RecordedTrack(
            object_id=3,
            label='Becher ☕',
            confidence=0.875,
            box=(x, 20, x + 40, 60),
            predicted_box=(x - 1, 20, x + 39, 60),
            mask=np.full((40, 40), 255, np.uint8),
            mask_origin=(x, 20),
            mask_affinity_score=0.75,
            object_score=4.0,
        )
        lost = RecordedTrack(object_id=4, state='lost', confidence=0.0, seconds_since_seen=2.5)
        tracks = [square, lost]
    stamp = 100 * SECOND + number * SECOND // 10
    return RecordedFrame(stamp, 'camera', width, height, tracks, processing_latency=0.02)


def picture(width=WIDTH, height=HEIGHT) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


@pytest.fixture
def recorded(tmp_path):
    recording = Recording(tmp_path / 'new' / 'folder')
    for number in range(20):
        recording.add(frame(number), picture())
    return {path.name: path for path in recording.finish()}


def test_every_file_is_told_and_there(recorded):
    assert set(recorded) == {
        'overlay.mp4',
        'contact_sheet.png',
        'scores.png',
        'tracks.jsonl',
        'tracks_mot.txt',
        'tracks_coco.json',
    }
    assert all(path.stat().st_size > 100 for path in recorded.values())


def test_the_video_plays_at_the_rate_of_the_stamps_and_shows_the_tracks(recorded):
    capture = cv2.VideoCapture(str(recorded['overlay.mp4']))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    shown = []
    while (read := capture.read())[0]:
        shown.append(read[1])
    assert len(shown) == 20
    assert shown[0].shape == (HEIGHT + 1, WIDTH + 1, 3)  # mp4 knows even sizes only
    tinted = shown[19][40, 45].astype(int)
    assert np.abs(tinted - 90).max() > 20
    assert np.abs(shown[19][100, 120].astype(int) - 90).max() < 10


def test_the_json_lines_tell_everything_exactly(recorded):
    lines = [json.loads(line) for line in recorded['tracks.jsonl'].read_text().splitlines()]
    assert [line['image'] for line in lines] == list(range(1, 21))
    assert lines[1]['stamp'] == {'sec': 100, 'nanosec': 100_000_000}
    assert (lines[1]['width'], lines[1]['height']) == (WIDTH, HEIGHT)
    assert lines[1]['processing_latency'] == pytest.approx(0.02)
    seen, lost = lines[1]['tracks']
    assert seen['label'] == 'Becher ☕'
    assert seen['box'] == [11, 20, 51, 60]
    assert seen['motion_score'] is None
    assert (lost['state'], lost['box'], lost['segmentation']) == ('lost', None, None)


def test_pycocotools_reads_the_masks(recorded):
    coco = pytest.importorskip('pycocotools.mask')
    results = json.loads(recorded['tracks_coco.json'].read_text())
    assert [result['image_id'] for result in results] == list(range(1, 21))
    last = results[-1]
    assert (last['track_id'], last['score']) == (3, 0.875)
    assert coco.toBbox(last['segmentation']).tolist() == [29, 20, 40, 40]


def test_pycocotools_judges_thin_masks_by_their_own_area(tmp_path):
    coco = pytest.importorskip('pycocotools.coco')
    thin = cv2.line(np.zeros((60, 80), np.uint8), (0, 0), (79, 59), 255, 1)
    track = RecordedTrack(1, confidence=0.5, box=(5, 5, 85, 65), mask=thin, mask_origin=(5, 5))
    recording = Recording(tmp_path)
    recording.add(frame(0, [track]), picture())
    recording.finish()
    truth = coco.COCO()
    truth.dataset = {'images': [{'id': 1}], 'categories': [{'id': 1}], 'annotations': []}
    truth.createIndex()
    (result,) = truth.loadRes(str(tmp_path / 'tracks_coco.json')).dataset['annotations']
    assert result['area'] == np.count_nonzero(thin)
    assert list(result['bbox']) == [5, 5, 80, 60]


def test_the_boxes_are_in_the_motchallenge_format_counted_from_one(recorded):
    rows = np.loadtxt(recorded['tracks_mot.txt'], delimiter=',')
    assert rows.shape == (20, 10)
    assert rows[0].tolist() == [1, 3, 11, 21, 40, 40, 0.875, -1, -1, -1]


def test_the_contact_sheet_shows_at_most_twelve_of_many_images(tmp_path):
    recording = Recording(tmp_path)
    for number in range(130):
        recording.add(frame(number, tracks=[]), picture(320, 240))
    recording.finish()
    sheet = cv2.imread(str(tmp_path / 'contact_sheet.png'))
    assert sheet.shape[1] == 4 * 480 + 5 * 6
    assert 3 * 360 < sheet.shape[0] < 3 * 400


def test_nothing_recorded_leaves_no_pictures_and_readable_text(tmp_path):
    paths = Recording(tmp_path).finish()
    assert sorted(path.suffix for path in paths) == ['.json', '.jsonl', '.txt']
    assert json.loads((tmp_path / 'tracks_coco.json').read_text()) == []


def test_a_camera_that_changes_its_size_does_not_end_the_video(tmp_path):
    recording = Recording(tmp_path, rate=25.0)
    sizes = [(160, 120), (160, 120), (320, 200), (90, 90)]
    for number, (width, height) in enumerate(sizes):
        recording.add(frame(number, [], width, height), picture(width, height))
    recording.finish()
    capture = cv2.VideoCapture(str(tmp_path / 'overlay.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert capture.get(cv2.CAP_PROP_FPS) == 25


def test_a_single_image_makes_a_video_too(tmp_path):
    recording = Recording(tmp_path)
    recording.add(frame(0), picture())
    recording.finish()
    assert cv2.VideoCapture(str(tmp_path / 'overlay.mp4')).read()[0]


def test_very_tall_images_make_small_tiles(tmp_path):
    recording = Recording(tmp_path)
    for number in range(3):
        recording.add(frame(number, [], 10, 20_000), picture(10, 20_000))
    assert all(tile.size < 2_000_000 for tile, _ in recording._tiles.items)
    recording.finish()
    assert cv2.VideoCapture(str(tmp_path / 'overlay.mp4')).read()[1].shape == (8190, 4, 3)
    sheet = cv2.imread(str(tmp_path / 'contact_sheet.png'))
    assert 960 < sheet.shape[0] < 1000


def test_links_and_pipes_of_an_earlier_recording_are_replaced_not_written_through(tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    elsewhere = tmp_path / 'precious.txt'
    elsewhere.write_text('precious')
    os.mkfifo(folder / 'tracks.jsonl')
    for name in ('overlay.mp4', 'contact_sheet.png', 'scores.png', 'tracks_mot.txt'):
        (folder / name).symlink_to(elsewhere)
    recording = Recording(folder)
    recording.add(frame(0), picture())
    assert all(path.is_file() and not path.is_symlink() for path in recording.finish())
    assert elsewhere.read_text() == 'precious'


def test_a_picture_that_cannot_be_completed_is_not_left_behind(tmp_path, monkeypatch):
    def full(path, history):
        path.write_bytes(b'half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('sam_tracker.recording.recording.write_score_plot', full)
    recording = Recording(tmp_path)
    recording.add(frame(0), picture())
    with pytest.raises(RecordingError, match='No space left'):
        recording.finish()
    assert not (tmp_path / 'scores.png').exists()
    assert (tmp_path / 'contact_sheet.png').exists()


@pytest.mark.parametrize(('codec', 'stored'), [('vp09', 'VP90'), ('mp4v', 'FMP4')])
def test_a_video_has_the_codec_that_was_asked_for(tmp_path, codec, stored):
    recording = Recording(tmp_path, codec=codec)
    recording.add(frame(0), picture())
    recording.finish()
    capture = cv2.VideoCapture(str(tmp_path / 'overlay.mp4'))
    assert capture.read()[0]
    code = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, 'little').decode()
    assert code in {stored, codec}


def test_a_codec_that_opencv_does_not_have_is_named(tmp_path):
    recording = Recording(tmp_path, rate=10.0, codec='zzzz')
    with pytest.raises(RecordingError, match=r'overlay\.mp4.* cannot be written as zzzz'):
        recording.add(frame(0), picture())


def test_a_folder_whose_name_is_not_utf_8_is_named(tmp_path):
    try:
        recording = Recording(tmp_path / 'caf\udce9', rate=10.0)
    except RecordingError:
        pytest.skip('this file system takes names of UTF-8 only')
    with pytest.raises(RecordingError, match=r'caf\\udce9/overlay\.mp4.*its name is not UTF-8'):
        recording.add(frame(0), picture())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(RecordingError, match=r'file.*cannot be written: Not a directory'):
        Recording(tmp_path / 'file' / 'folder')


def test_a_full_disk_is_named_before_it_spoils_the_files(tmp_path):
    with pytest.raises(RecordingError, match=r'the disk of .* is full: .* MB are left'):
        Recording(tmp_path, least_free=1 << 60)


def test_memory_does_not_grow_with_the_recording(tmp_path):
    recording = Recording(tmp_path, rate=30.0)
    for number in range(9000):
        recording.add(frame(number, [], 32, 24), picture(32, 24))
    assert len(recording._scores.items) <= 4096
    assert len(recording._tiles.items) <= 48
    assert not recording._video._waiting


def test_a_score_that_is_not_a_number_is_plotted_as_a_gap(tmp_path):
    recording = Recording(tmp_path)
    for number in range(3):
        track = RecordedTrack(object_id=1, motion_score=math.nan, object_score=-3.0)
        recording.add(frame(number, [track]), picture())
    recording.finish()
    assert cv2.imread(str(tmp_path / 'scores.png')).shape == (800, 1100, 3)


def test_a_label_that_is_half_a_formula_is_plotted(tmp_path):
    recording = Recording(tmp_path)
    track = RecordedTrack(1, label=r'$x^{_ \frac $5', confidence=0.5, box=(5, 5, 85, 65))
    recording.add(frame(0, [track]), picture())
    assert tmp_path / 'scores.png' in recording.finish()
