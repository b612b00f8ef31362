# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings give every image, in any order, always with the same pixels."""

import itertools
import json
import os

import cv2
import numpy as np
import pytest

from sam_tracker.labelling import recording as recordings
from sam_tracker.labelling.file_recordings import FolderRecording, VideoRecording
from sam_tracker.labelling.job import open_recording
from sam_tracker.labelling.recording import ImageInfo, LabellingError, read_frames, times


def silent(*_):
    pass


@pytest.fixture(params=['folder', 'video'])
def recording(request):
    path = request.getfixturevalue(request.param)
    recording = open_recording(path, None, silent)
    yield recording
    recording.close()


def test_a_pipe_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / 'clip.mp4')
    with pytest.raises(LabellingError, match=r"clip\.mp4' is no file and no folder"):
        open_recording(tmp_path / 'clip.mp4', None, lambda *_: None)


def test_every_image_is_read_once_and_in_order(recording, images):
    read = list(recording.read(0, len(recording.images)))
    assert len(read) == len(images) == len(recording.images)
    for ours, theirs in zip(read, images, strict=True):
        # A video is compressed.
        assert np.abs(ours.astype(int) - theirs).mean() < 12
    assert recording.problems == []


def test_backwards_the_pixels_are_the_same_whatever_the_size_of_a_chunk(
    recording, monkeypatch, tmp_path
):
    forwards = dict(read_frames(recording, range(len(recording.images)), tmp_path))
    numbers = list(forwards)[::-1]
    for chunk in (1, 3 * 3 * 128 * 128, 1 << 30):
        monkeypatch.setattr(recordings, 'CHUNK_BYTES', chunk)
        backwards = list(read_frames(recording, numbers, tmp_path))
        assert [number for number, _ in backwards] == numbers
        assert all((forwards[number] == pixels).all() for number, pixels in backwards)


def test_frames_with_gaps_are_read_in_either_direction(recording, tmp_path):
    everything = dict(read_frames(recording, range(len(recording.images)), tmp_path))
    for numbers in ([2, 3, 4, 9, 11, 12], [12, 11, 9, 4, 3, 2], [7]):
        read = list(read_frames(recording, numbers, tmp_path))
        assert [number for number, _ in read] == numbers
        assert all((everything[number] == pixels).all() for number, pixels in read)


@pytest.mark.parametrize('kind', ['folder', 'video'])
def test_the_pass_over_a_recording_is_repeated_when_it_has_changed(kind, request, tmp_path):
    path, kept = request.getfixturevalue(kind), tmp_path / 'labels/work/recording.index'
    passes = []

    def opened():
        recording = open_recording(path, None, lambda *told: passes.append(told), kept)
        pixels = list(recording.read(3, 6))
        recording.close()
        return recording, pixels

    first, expected = opened()
    assert passes
    passes.clear()
    again, found = opened()
    assert not passes
    assert (again.images, again.digest, again.problems) == (
        first.images,
        first.digest,
        first.problems,
    )
    assert all((a == b).all() for a, b in zip(found, expected, strict=True))
    kept.write_bytes(b'damaged')
    opened()
    assert passes
    passes.clear()
    changed = next(path.iterdir()) if path.is_dir() else path
    os.utime(changed, ns=(0, 1))
    opened()
    assert passes


def test_an_image_that_can_be_read_later_is_not_left_out_for_ever(folder, tmp_path):
    kept, path = tmp_path / 'labels/recording.index', folder / '3.png'
    content, status = path.read_bytes(), path.stat()

    def opened(data):
        path.write_bytes(data)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        return open_recording(folder, None, silent, kept)

    # As a network that fails leaves it: of the same size and time of change.
    partial = opened(bytes(len(content)))
    assert len(partial.problems) == 1
    whole = opened(content)
    assert whole.problems == [] and len(whole.images) == len(partial.images) + 1


def test_a_recording_is_opened_also_where_its_index_cannot_be_written(folder, tmp_path):
    (tmp_path / 'labels').write_bytes(b'no folder')
    recording = open_recording(folder, None, silent, tmp_path / 'labels/work/recording.index')
    assert recording.images and recording.problems == []


def test_an_index_that_is_no_index_is_not_used(folder, tmp_path):
    kept, passes = tmp_path / 'recording.index', []

    def opened():
        passes.clear()
        return open_recording(folder, None, lambda *told: passes.append(told), kept)

    opened()
    fields = json.loads(kept.read_text())
    for damaged in (
        [],
        {'key': fields['key']},
        {**fields, 'index': None},
        {**fields, 'index': {**fields['index'], 'other': 1}},
        {**fields, 'index': {**fields['index'], 'images': [{}]}},
        {**fields, 'index': {**fields['index'], 'limits': [[1.0]]}},
    ):
        kept.write_text(json.dumps(damaged))
        assert opened().images and passes, damaged
    opened()
    assert not passes


def test_a_decoder_that_seeks_wrongly_is_found_out(video, monkeypatch):
    recording = VideoRecording(video, silent)
    expected = list(recording.read(0, len(recording.images)))
    sought = []

    class Wrong:
        """A decoder whose seeks end one image late."""

        def __init__(self, path):
            self._real = real(path)

        def set(self, name, value):
            sought.append(value)
            return self._real.set(name, value + 1)

        def __getattr__(self, name):
            return getattr(self._real, name)

    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, 'VideoCapture', Wrong)
    assert all((a == b).all() for a, b in zip(recording.read(5, 9), expected[5:9], strict=True))
    assert sought == [5]
    recording.close()


def test_sixteen_bits_have_the_same_brightness_in_either_direction(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(1000, 2000 + 500 * number, (20, 30)).astype(np.uint16)
        assert cv2.imwrite(str(tmp_path / f'{number}.png'), pixels)
    recording = FolderRecording(tmp_path, silent)
    forwards = dict(read_frames(recording, range(6), tmp_path))
    for number, pixels in read_frames(recording, range(5, -1, -1), tmp_path):
        assert (pixels == forwards[number]).all()
    assert len({pixels.mean() for pixels in forwards.values()}) == 6


def test_a_damaged_image_is_left_out_and_named_and_sizes_may_change(folder):
    (folder / '3.png').write_bytes(b'no image')
    assert cv2.imwrite(str(folder / '5.png'), np.zeros((40, 60, 3), np.uint8))
    recording = FolderRecording(folder, silent)
    assert [image.name for image in recording.images][2:5] == ['2.png', '4.png', '5.png']
    (problem,) = recording.problems
    assert '3.png' in problem
    shapes = [pixels.shape[:2] for pixels in recording.read(3, 5)]
    assert shapes == [(128, 128), (40, 60)]


@pytest.mark.parametrize(
    'make,words',
    [
        (lambda path: path, 'does not exist'),
        (lambda path: path.mkdir() or path, 'no readable image'),
        (lambda path: path.write_bytes(b'nothing') and path, 'not a readable video'),
    ],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path, make, words):
    path = make(tmp_path / 'some.thing')
    with pytest.raises(LabellingError, match=rf'some\.thing.*{words}'):
        open_recording(path, None, silent)


def test_a_recording_that_changes_its_pixels_changes_its_digest(folder):
    before = FolderRecording(folder, silent).digest
    assert FolderRecording(folder, silent).digest == before
    image = cv2.imread(str(folder / '7.png'))
    image[0, 0, 0] ^= 1
    assert cv2.imwrite(str(folder / '7.png'), image)
    assert FolderRecording(folder, silent).digest != before


def test_stamps_that_do_not_ascend_are_replaced_and_named():
    def stamped(*stamps):
        return [ImageInfo('', stamp, 2, 2) for stamp in stamps]

    assert times(stamped(3, 5, 9)) == ([3, 5, 9], '')
    found, problem = times(stamped(3, 3, 9), [1, 2, 3])
    assert found == [1, 2, 3] and 'image 1 has 3 ns after 3 ns' in problem
    found, problem = times(stamped(0, 0, 0), [4, 4, 4])
    assert all(a < b for a, b in itertools.pairwise(found)) and '30 images' in problem


def test_backwards_no_more_is_on_the_disk_than_a_chunk_also_when_the_size_changes(
    tmp_path, monkeypatch
):
    sizes = [8, 8, 40, 8, 40, 40]
    images, scratch = tmp_path / 'images', tmp_path / 'scratch'
    images.mkdir()
    scratch.mkdir()
    for number, size in enumerate(sizes):
        picture = np.full((size, size, 3), number, np.uint8)
        assert cv2.imwrite(str(images / f'{number}.png'), picture)
    recording = FolderRecording(images, lambda *_: None)
    limit = 3 * (40 * 40 + 8 * 8)
    monkeypatch.setattr('sam_tracker.labelling.recording.CHUNK_BYTES', limit)
    held = []
    read = recording.read

    def counted(start, stop):
        held.append(sum(3 * size * size for size in sizes[start:stop]))
        return read(start, stop)

    monkeypatch.setattr(recording, 'read', counted)
    backwards = read_frames(recording, range(5, -1, -1), scratch)
    found = [(number, image.shape[0], int(image.max())) for number, image in backwards]
    assert found == [(number, sizes[number], number) for number in range(5, -1, -1)]
    assert not list(scratch.iterdir())
    assert max(held) <= limit and sum(held) == sum(3 * size * size for size in sizes)
