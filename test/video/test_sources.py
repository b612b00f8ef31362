# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Frames come in order, at their times and sizes, and what cannot be read is named."""

from itertools import pairwise
import os
from pathlib import Path
import struct

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.time import SECOND
from sam_tracker.video.frame_source import VideoError
from sam_tracker.video.image_folder import ImageFolder, natural_order, recorded
from sam_tracker.video.sources import open_source
from sam_tracker.video.test_pattern import (
    BARS,
    FRAMES_ACROSS,
    SMALLEST,
    SQUARE_BGR,
    bars_height,
    draw_frame_number,
    pattern_background,
    square_box,
)
from sam_tracker.video.video_file import VideoFile, _ContainerClock

from ..frame_number import read_frame_number
from ..video_file import grey_images, write_video


@pytest.fixture
def clip(tmp_path):
    """A video of nine frames at 25 Hz, frame n of the grey value 10 n."""
    return write_video(tmp_path / 'clip.avi', grey_images(9, step=10))


def write_images(folder, names, shape=(20, 30, 3)):
    for number, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), np.full(shape, number, np.uint8))
    return folder


def read_all(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append((frame.bgr.copy(), frame.nanoseconds))
    return frames


def test_a_video_gives_every_frame_at_its_time(clip):
    source = open_source(str(clip))
    assert source.rate == 25.0
    assert source.frame_count == 9
    assert source.start is None
    frames = read_all(source)
    np.testing.assert_allclose([bgr.mean() for bgr, _ in frames], np.arange(9) * 10, atol=2)
    assert [time for _, time in frames] == [number * SECOND // 25 for number in range(9)]


BOXES_WITH_TIMES = (b'moov', b'trak', b'mdia', b'minf', b'stbl')


def with_durations(video: bytes, durations: list[int]) -> bytes:
    """Return an MP4 file whose frames last so many units of its time scale (ISO 14496-12)."""
    entries = b''.join(struct.pack('>II', 1, each) for each in durations)
    table = struct.pack('>I4sII', 16 + len(entries), b'stts', 0, len(durations)) + entries
    place = video.index(b'stts') - 4
    (old,) = struct.unpack('>I', video[place : place + 4])
    changed = bytearray(video[:place] + table + video[place + old :])
    for name in BOXES_WITH_TIMES:
        at = changed.index(name) - 4
        (size,) = struct.unpack('>I', changed[at : at + 4])
        changed[at : at + 4] = struct.pack('>I', size + len(table) - old)
    return bytes(changed)


def test_a_video_of_variable_rate_has_the_times_of_its_container(tmp_path):
    path = write_video(tmp_path / 'clip.mp4', grey_images(6, step=40), codec='mp4v')
    even = [time for _, time in read_all(VideoFile(path))]
    assert even == [number * SECOND // 25 for number in range(6)]
    (unit,) = {b - a for a, b in pairwise(even)}
    # As long as before, since the file says when to stop.
    video = path.read_bytes()
    (period,) = struct.unpack('>I', video[video.index(b'stts') + 16 :][:4])
    path.write_bytes(with_durations(video, [period * each // 2 for each in (1, 4, 2, 1, 2, 2)]))
    times = [time for _, time in read_all(VideoFile(path))]
    assert times == [unit * each // 2 for each in (0, 1, 5, 7, 8, 10)]


def test_a_video_whose_frames_come_late_is_not_taken_for_cut(tmp_path):
    path = write_video(tmp_path / 'clip.webm', grey_images(9, step=10), codec='VP80')
    video = path.read_bytes()
    # Matroska (RFC 9559) has the length, from which OpenCV estimates the number of frames.
    for before, after in (
        (b'\x81' + struct.pack('>h', 320), b'\x81' + struct.pack('>h', 3200)),
        (b'\x44\x89\x88' + struct.pack('>d', 360), b'\x44\x89\x88' + struct.pack('>d', 3240)),
    ):
        assert video.count(before) == 1
        video = video.replace(before, after)
    path.write_bytes(video)
    source = VideoFile(path)
    assert source.frame_count == 81
    assert [time for _, time in read_all(source)][-2:] == [7 * SECOND // 25, 80 * SECOND // 25]


def test_a_video_that_is_damaged_between_two_rounds_is_not_taken_for_ended(tmp_path):
    path = write_video(tmp_path / 'clip.mp4', grey_images(9, step=10), codec='mp4v')
    source = VideoFile(path)
    assert len(read_all(source)) == 9
    video = bytearray(path.read_bytes())
    start, end = video.index(b'mdat') + 4, video.index(b'moov') - 4
    video[start:end] = bytes(end - start)
    path.write_bytes(video)
    source.rewind()
    with pytest.raises(VideoError, match='ends after 0 of 9 frames'):
        source.read()


@given(st.lists(st.floats() | st.floats(0, 1e5), min_size=1, max_size=30))
def test_times_rise_whatever_the_container_says(positions):
    clock = _ContainerClock(30.0)
    times = [clock.time(number, each) for number, each in enumerate(positions)]
    assert times[0] == 0
    assert all(b > a for a, b in pairwise(times))


def test_a_video_starts_again_after_rewinding(clip):
    source = open_source(str(clip))
    first = read_all(source)
    source.rewind()
    again = read_all(source)
    assert len(again) == len(first) == 9
    for (one, one_time), (other, other_time) in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one_time == other_time


@pytest.mark.parametrize(
    ('asked', 'given_'),
    [((32, 24), (32, 24)), ((32, 0), (32, 24)), ((0, 96), (128, 96)), ((10, 40), (10, 40))],
)
def test_frames_are_resized_keeping_the_aspect_where_one_side_is_open(clip, asked, given_):
    source = open_source(str(clip), *asked)
    frame = source.read()
    assert frame.bgr.shape == (given_[1], given_[0], 3)
    assert (source.rate, source.frame_count) == (25.0, 9)


def test_images_come_in_the_natural_order_of_their_names(tmp_path):
    names = ['frame1.png', 'frame2.png', 'frame10.png', 'frame11.jpg']
    write_images(tmp_path, names)
    (tmp_path / 'notes.txt').write_text('not an image')
    source = ImageFolder(tmp_path)
    frames = read_all(source)
    assert [int(bgr.mean()) for bgr, _ in frames] == [0, 1, 2, 3]
    assert source.frame_count == 4
    assert source.rate == 30.0
    source.rewind()
    assert len(read_all(source)) == 4


def test_hidden_files_and_what_is_no_file_are_passed_over(tmp_path):
    write_images(tmp_path, ['1.png', '3.png'])
    (tmp_path / '._1.png').write_bytes(bytes.fromhex('0005160700020000') + b'Mac OS X' + bytes(80))
    os.mkfifo(tmp_path / '2.png')
    (tmp_path / '4.png').mkdir()
    assert len(read_all(ImageFolder(tmp_path))) == 2


def test_the_folder_of_a_user_that_does_not_exist_is_named():
    with pytest.raises(VideoError, match="'~nobody-of-that-name/clip' does not exist"):
        open_source('~nobody-of-that-name/clip')


def test_times_in_file_names_are_exact(tmp_path):
    write_images(tmp_path, ['1305031102.175304.png', '1305031102.211214.png'])
    source = ImageFolder(tmp_path)
    assert source.start == 1305031102175304000
    assert [time for _, time in read_all(source)] == [0, 35910000]
    assert source.rate == pytest.approx(1 / 0.03591)


def test_names_that_are_no_times_give_an_even_rate(tmp_path):
    write_images(tmp_path, ['1.5.png', '1.5b.png'])
    source = ImageFolder(tmp_path)
    assert source.start is None
    assert [time for _, time in read_all(source)] == [0, round(SECOND / 30)]


@pytest.mark.parametrize(
    ('name', 'time'),
    [
        ('1403636579763555584.png', 1403636579763555584),
        ('1305031102.175304.jpg', 1305031102175304000),
        ('000123.png', None),
        ('frame_12.5.png', None),
        ('20240131.png', None),
        ('2147483647999999999.png', 2147483647999999999),
        ('2147483648000000000.png', None),
        ('99999999999999999999.png', None),
        ('99999999999.5.png', None),
    ],
)
def test_only_names_that_are_times_tell_one(name, time):
    assert recorded(Path(name)) == time


def test_numbers_in_names_count_as_numbers():
    names = ['a10b2.png', 'a2b10.png', 'a2b9.png', '3.png']
    assert sorted(map(Path, names), key=natural_order) == [
        Path(name) for name in ['3.png', 'a2b9.png', 'a2b10.png', 'a10b2.png']
    ]


def test_a_folder_of_sixteen_bits_has_one_range(tmp_path):
    ramp = np.tile(np.linspace(0, 1023, 64).astype(np.uint16), (48, 1))
    for number in range(3):
        cv2.imwrite(str(tmp_path / f'{number}.png'), ramp // (number + 1))
    peaks = [int(bgr.max()) for bgr, _ in read_all(ImageFolder(tmp_path))]
    assert peaks[0] > 250
    assert peaks[1] < 150  # darker, as it was filmed


def test_a_folder_has_one_size(tmp_path):
    write_images(tmp_path, ['1.png'])
    cv2.imwrite(str(tmp_path / '2.png'), np.zeros((21, 30, 3), np.uint8))
    source = ImageFolder(tmp_path)
    source.read()
    with pytest.raises(VideoError, match=r'2\.png.* is 30x21, .* is 30x20'):
        source.read()


def test_what_is_missing_is_named(tmp_path):
    missing = str(tmp_path / 'missing.mp4')
    with pytest.raises(VideoError, match=r'missing\.mp4. does not exist'):
        open_source(missing)
    with pytest.raises(VideoError, match="'' does not exist"):
        open_source('')


def test_a_file_that_is_no_video_is_named(tmp_path):
    path = tmp_path / 'text.mp4'
    path.write_text('hello')
    with pytest.raises(VideoError, match=r'text\.mp4. is not a readable video'):
        open_source(str(path))


def test_a_video_that_was_cut_short_is_named_or_read_as_far_as_it_goes(clip, tmp_path):
    path = tmp_path / 'cut.avi'
    path.write_bytes(clip.read_bytes()[:200])
    with pytest.raises(VideoError, match=r'cut\.avi'):
        open_source(str(path))
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size * 9 // 10])
    source, read = VideoFile(path), 0
    with pytest.raises(VideoError, match=r'cut\.avi. ends after \d of 9 frames'):
        while source.read() is not None:
            read += 1
    assert 0 < read < 9


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(VideoError, match=r'has no images: looked for .*\.png'):
        open_source(str(tmp_path))


def test_frames_behind_a_damaged_stretch_are_read_at_their_times(tmp_path):
    ground = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    ground = cv2.resize(ground, (320, 240))
    images = np.stack([ground] * 60)
    for number, image in enumerate(images):
        image[60:120, 20 + 4 * number : 70 + 4 * number] = (40, 200, 230)
    path = write_video(tmp_path / 'clip.mp4', images, rate=30, codec='mp4v')
    data = bytearray(path.read_bytes())
    start, end = data.find(b'mdat'), data.find(b'moov')
    middle = start + (end - start) // 3
    data[middle : middle + 1500] = b'\xff' * 1500
    path.write_bytes(data)
    capture = cv2.VideoCapture(str(path))
    readable = [number for number in range(60) if capture.read()[0]]
    assert 0 < len(readable) < 60
    assert max(readable) > min(set(range(60)) - set(readable))  # the damage is not at the end

    source = open_source(str(path))
    frames = read_all(source)
    assert [time for _, time in frames] == [round(n * SECOND / 30) for n in readable]
    assert source.undecoded == readable[-1] + 1 - len(readable) > 0


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / '1.png').write_bytes(b'\x89PNG')
    with pytest.raises(VideoError, match=r'1\.png. is not a readable image'):
        open_source(str(tmp_path))


def test_a_video_whose_name_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / 'caf\udce9.mp4'
    try:
        path.write_bytes(b'')
    except OSError:
        pytest.skip('this file system takes names of UTF-8 only')
    with pytest.raises(VideoError, match=r'caf\\udce9\.mp4.*its name is not UTF-8'):
        open_source(str(path))


@pytest.mark.parametrize(
    ('name', 'named'),
    [
        ('a' * 5000, "a' cannot be read: File name too long"),
        ('a\0b', 'does not exist: give a video, a folder'),
    ],
)
def test_a_name_under_which_nothing_can_be_found_is_answered_in_one_line(name, named):
    with pytest.raises(VideoError, match=named):
        open_source(name)


def test_what_would_take_gigabytes_is_refused_by_its_size(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((1, 20_000), np.uint8))
    with pytest.raises(VideoError, match='frames of 40000000x2000 pixels are too large'):
        open_source(str(tmp_path), height=2000).read()
    with pytest.raises(VideoError, match='frames of 100000x100000 pixels are too large'):
        open_source('pattern', 100_000, 100_000)


def test_the_pattern_is_what_its_layout_says():
    source = open_source('pattern', 640, 480)
    assert source.frame_count is None
    source.read()
    bgr = source.read().bgr
    assert bgr.shape == (480, 640, 3)
    np.testing.assert_array_equal(bgr[0, 40::80], BARS)
    x_min, y_min, x_max, y_max = square_box(640, 480, 1)
    assert (bgr[y_min:y_max, x_min:x_max] == SQUARE_BGR).all()
    assert (bgr[y_min - 1, x_min:x_max] != SQUARE_BGR).any(axis=1).all()
    assert (bgr[bars_height(480) :, : 640 * 15 // 16] == 0).all()
    assert (bgr[bars_height(480) :, 640 * 15 // 16 :] == 255).all()


def test_the_square_moves_to_and_fro_inside_the_picture():
    lefts = [square_box(640, 480, number)[0] for number in range(2 * FRAMES_ACROSS + 1)]
    assert lefts[0] == lefts[-1] == 0
    assert max(lefts) == lefts[FRAMES_ACROSS] == 640 - 480 // 6
    assert len(set(lefts)) == FRAMES_ACROSS + 1


@settings(max_examples=40, deadline=None)
@given(
    number=st.integers(0, 70_000),
    width=st.integers(SMALLEST, 200),
    height=st.integers(SMALLEST, 120),
)
def test_every_frame_carries_its_number(number, width, height):
    image = pattern_background(width, height)
    draw_frame_number(image, number)
    assert read_frame_number(image) == number % 65536


def test_the_number_survives_jpeg():
    image = pattern_background(320, 240)
    draw_frame_number(image, 0b1010101101010101)
    coded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    assert read_frame_number(cv2.imdecode(coded, cv2.IMREAD_COLOR)) == 0b1010101101010101


@pytest.mark.parametrize('asked', [(0, 0), (320, 0), (0, 180), (320, 240)])
def test_a_pattern_of_one_length_keeps_its_proportions(asked):
    height, width = open_source('pattern', *asked).read().bgr.shape[:2]
    expected = {(0, 0): (1280, 720), (320, 240): (320, 240)}
    assert (width, height) == expected.get(asked, (320, 180))


def test_a_pattern_too_small_for_its_number_is_refused():
    with pytest.raises(VideoError, match='15x40'):
        open_source('pattern', 15, 40)
