# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Of damaged bags, and of those that a recorder left, all that is readable is read, once."""

from contextlib import closing, contextmanager
import resource
import shutil
import sqlite3

import pytest

from sam_tracker.labelling.decompression import ZSTD_MAGIC, decompress_file
from sam_tracker.labelling.job import open_recording
from sam_tracker.labelling.recording import LabellingError, read_frames

pytest.importorskip('rosbags', reason='bags are read with rosbags')

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from .written_bags import (
    PERIOD,
    START,
    STORE,
    assert_same,
    record,
    silent,
    stamped,
    write_bag,
    write_other_mcap,
)


def test_what_a_killed_recorder_left_beside_an_sqlite_file_is_read(images, tmp_path):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images[:9])}, StoragePlugin.SQLITE3)
    left = tmp_path / 'left'
    with closing(sqlite3.connect(bag / 'bag.db3')) as recorder:
        recorder.execute('PRAGMA journal_mode = WAL')
        for number, message in list(enumerate(stamped(images)))[9:]:
            data = bytes(STORE.serialize_cdr(message, message.__msgtype__))
            recorder.execute(
                'INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)',
                (START + number * PERIOD, data),
            )
            recorder.commit()
        # As the files are when it is killed: it has closed nothing.
        shutil.copytree(bag, left)
    files = {each: each.read_bytes() for each in left.iterdir()}
    recording = open_recording(left, None, silent)
    assert_same(recording, images, tmp_path)
    assert recording.problems == []
    recording.close()
    assert {each: each.read_bytes() for each in left.iterdir()} == files


@pytest.mark.parametrize(
    'storage,compression,tenths',
    [
        (StoragePlugin.MCAP, None, 6),
        (StoragePlugin.MCAP, CompressionMode.STORAGE, 6),
        (StoragePlugin.SQLITE3, None, 6),
        # A large block at a time.
        (StoragePlugin.SQLITE3, CompressionMode.FILE, 9),
    ],
)
def test_of_a_truncated_bag_what_is_readable_is_kept(
    storage, compression, tenths, images, tmp_path
):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images)}, storage, compression)
    (file,) = (each for each in bag.iterdir() if each.name != 'metadata.yaml')
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * tenths // 10])
    recording = open_recording(bag, None, silent)
    assert 5 <= len(recording.images) < len(images)
    assert recording.problems
    numbers = range(len(recording.images) - 1, -1, -1)
    for number, pixels in read_frames(recording, numbers, tmp_path):
        assert (pixels == images[number]).all()
    recording.close()


RAW = 'sensor_msgs/msg/Image'


def damage_chunk(path, number):
    """Overwrite bytes in one of the chunks of a file of ``write_other_mcap``."""
    data = bytearray(path.read_bytes())
    place = 0
    for _ in range(number + 1):
        place = data.index(b'\x03\0\0\0lz4', place + 1)
    data[place + 30 : place + 60] = bytes(30)
    path.write_bytes(data)


@pytest.mark.parametrize('lost,summary', [(4, False), (0, True)])
def test_of_an_mcap_file_with_a_damaged_chunk_the_others_are_read(lost, summary, images, tmp_path):
    bag = write_other_mcap(tmp_path / 'other.mcap', images[:12], 'ros2', summary=summary)
    damage_chunk(bag, lost)
    recording = open_recording(bag, None, silent)
    expected = [image for number, image in enumerate(images[:12]) if number != lost]
    assert_same(recording, expected, tmp_path)
    assert recording.problems == ["'other.mcap' is damaged; parts that are lost: 1"]
    recording.close()


@pytest.mark.parametrize('operation', [3, 4, 5])
def test_a_record_that_is_too_short_costs_no_other(operation, images, tmp_path):
    bag = write_other_mcap(tmp_path / 'other.mcap', images[:12], 'ros2')
    data = bag.read_bytes()
    place = data.index(record(4, b'\x0a\0\1\0', '/image', 'cdr', b'\0' * 4))
    bag.write_bytes(data[:place] + record(operation, b'\1') + data[place:])
    recording = open_recording(bag, None, silent)
    assert_same(recording, images[:12], tmp_path)
    assert recording.problems == ["'other.mcap' is damaged; parts that are lost: 1"]
    recording.close()


def two_profiles():
    """Return what two nodes that publish on one topic offer."""
    none = QosTime(0, 0)
    for depth in (1, 2):
        yield Qos(
            QosHistory.KEEP_LAST,
            depth,
            QosReliability.RELIABLE,
            QosDurability.VOLATILE,
            none,
            none,
            QosLiveliness.AUTOMATIC,
            none,
            False,
        )


def test_a_repair_in_the_middle_of_reading_repeats_and_skips_nothing(images, tmp_path):
    messages = stamped([*images] * 5)
    writer = Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        topics = [
            writer.add_connection('/image', RAW, typestore=STORE, offered_qos_profiles=[offered])
            for offered in two_profiles()
        ]
        for number, message in enumerate(messages):
            # Three messages are recorded at one time.
            time = START + number // 3 * PERIOD
            writer.write(topics[number % 2], time, STORE.serialize_cdr(message, RAW))
    file = tmp_path / 'bag' / 'bag.mcap'
    data = bytearray(file.read_bytes())
    # The chunk before the last one.
    place = data.rindex(ZSTD_MAGIC, 0, data.rindex(ZSTD_MAGIC))
    data[place : place + 4] = bytes(4)
    file.write_bytes(data)
    recording = open_recording(tmp_path / 'bag', None, silent)
    numbers = [(image.stamp - START) // PERIOD for image in recording.images]
    lost = sorted({*range(len(messages))} - {*numbers})
    assert lost == [*range(lost[0], lost[-1] + 1)] and 0 < lost[0] < lost[-1] < numbers[-1]
    assert numbers == [*range(lost[0]), *range(lost[-1] + 1, len(messages))]
    problem, damage = recording.problems
    assert 'not as rosbags expects it' in problem
    assert damage == "'bag.mcap' is damaged; parts that are lost: 1"
    recording.close()


def uncompressed_beside(bag):
    """Decompress the file of a bag as a player does; return both paths."""
    (packed,) = bag.glob('*.zstd')
    decompress_file(packed, packed.with_suffix(''))
    return packed, packed.with_suffix('')


def test_a_bag_that_was_played_is_read_once(images, tmp_path):
    topics = {'/image': stamped(images)}
    bag = write_bag(tmp_path / 'bag', topics, StoragePlugin.SQLITE3, CompressionMode.FILE)
    _, plain = uncompressed_beside(bag)
    # The player was ended before it had written everything.
    plain.write_bytes(plain.read_bytes()[:100_000])
    recording = open_recording(bag, None, silent)
    assert_same(recording, images, tmp_path)
    assert recording.problems == []
    recording.close()


def test_a_bag_whose_recorder_was_killed_while_it_compressed_is_read(images, tmp_path):
    topics = {'/image': stamped(images)}
    bag = write_bag(tmp_path / 'bag', topics, StoragePlugin.SQLITE3, CompressionMode.FILE)
    packed, _ = uncompressed_beside(bag)
    packed.write_bytes(packed.read_bytes()[:10_000])
    (bag / 'metadata.yaml').unlink()
    recording = open_recording(bag, None, silent)
    assert_same(recording, images, tmp_path)
    assert recording.problems == []
    recording.close()


def test_a_file_that_the_metadata_do_not_list_is_left_out_by_name(images, tmp_path):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images)})
    shutil.copyfile(bag / 'bag.mcap', bag / 'copy.mcap')
    recording = open_recording(bag, None, silent)
    assert_same(recording, images, tmp_path)
    assert recording.problems == ["'copy.mcap' is left out: metadata.yaml does not list it"]
    recording.close()


def test_a_file_that_is_missing_is_named_and_the_others_are_read(images, tmp_path):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images)})
    text = (bag / 'metadata.yaml').read_text()
    assert '- bag.mcap\n' in text
    (bag / 'metadata.yaml').write_text(
        text.replace('- bag.mcap\n', '- bag.mcap\n  - bag_1.mcap\n')
    )
    recording = open_recording(bag, None, silent)
    assert_same(recording, images, tmp_path)
    assert recording.problems == ["'bag_1.mcap' is missing, which metadata.yaml lists"]
    recording.close()


@contextmanager
def files_of_at_most(size):
    """Let the system refuse to write larger files."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_copy_that_cannot_be_written_is_refused_by_its_own_reason(images, tmp_path):
    topics = {'/image': stamped(images)}
    bag = write_bag(tmp_path / 'bag', topics, StoragePlugin.SQLITE3, CompressionMode.FILE)
    with (
        files_of_at_most(100_000),
        pytest.raises(LabellingError, match=r"'bag\.db3\.zstd' cannot be read: .*File too large"),
    ):
        open_recording(bag, None, silent)
