# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Bags as others write them, whole and damaged, are read, or refused by name."""

from contextlib import closing
import shutil
import sqlite3
import struct

import cv2
import numpy as np
import pytest

from sam_tracker.labelling.job import open_recording
from sam_tracker.labelling.recording import LabellingError, read_frames

rosbags = pytest.importorskip('rosbags', reason='bags are read with rosbags')

import lz4.frame  # noqa: E402
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import Stores, get_typestore  # noqa: E402

STORE = get_typestore(Stores.ROS2_JAZZY)
PERIOD = 33_333_333
START = 1_700_000_000_000_000_000


def silent(*_):
    pass


def header(stamp, frame_id='camera'):
    types = STORE.types
    time = types['builtin_interfaces/msg/Time'](*divmod(stamp, 1_000_000_000))
    return types['std_msgs/msg/Header'](time, frame_id)


def raw(stamp, rgb):
    height, width = rgb.shape[:2]
    return STORE.types['sensor_msgs/msg/Image'](
        header(stamp), height, width, 'rgb8', 0, 3 * width, rgb.reshape(-1)
    )


def compressed(stamp, rgb):
    _, data = cv2.imencode('.png', np.ascontiguousarray(rgb[..., ::-1]))
    return STORE.types['sensor_msgs/msg/CompressedImage'](
        header(stamp), 'rgb8; png compressed bgr8', data.reshape(-1)
    )


def write_bag(path, topics, storage=StoragePlugin.MCAP, compression=None):
    """Write lists of messages by topic, in turn, one period apart."""
    writer = Writer(path, version=9, storage_plugin=storage)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        connections = {
            topic: writer.add_connection(topic, messages[0].__msgtype__, typestore=STORE)
            for topic, messages in topics.items()
        }
        for number in range(max(map(len, topics.values()))):
            for topic, messages in topics.items():
                if number < len(messages):
                    message = messages[number]
                    data = STORE.serialize_cdr(message, message.__msgtype__)
                    writer.write(connections[topic], START + number * PERIOD, data)
    return path


def stamped(images, make=raw):
    return [make(START + number * PERIOD + 5, image) for number, image in enumerate(images)]


def assert_same(recording, images, tmp_path):
    assert len(recording.images) == len(images)
    read = list(read_frames(recording, range(len(images)), tmp_path))
    assert all((pixels == images[number]).all() for number, pixels in read)
    backwards = list(read_frames(recording, range(len(images) - 1, -1, -1), tmp_path))
    assert [number for number, _ in backwards] == list(range(len(images)))[::-1]
    assert all((pixels == images[number]).all() for number, pixels in backwards)
    assert list(recording.read(5, 7))[1].tolist() == images[6].tolist()


@pytest.mark.parametrize('make', [raw, compressed], ids=['raw', 'compressed'])
@pytest.mark.parametrize(
    'storage,compression',
    [
        (StoragePlugin.MCAP, None),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.MCAP, CompressionMode.MESSAGE),
        (StoragePlugin.SQLITE3, None),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_every_image_of_a_bag_is_read_in_either_direction(
    make, storage, compression, images, tmp_path
):
    topics = {'/camera/image_raw': stamped(images, make)}
    bag = write_bag(tmp_path / 'bag', topics, storage, compression)
    recording = open_recording(bag, None, silent)
    assert_same(recording, images, tmp_path)
    assert recording.images[3].stamp == START + 3 * PERIOD + 5
    assert recording.images[3].frame_id == 'camera'
    assert recording.problems == []
    recording.close()


@pytest.mark.parametrize('compression', [None, CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize('storage', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_bag_without_metadata_and_a_single_file_are_read(storage, compression, images, tmp_path):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images)}, storage, compression)
    (bag / 'metadata.yaml').unlink()
    (file,) = bag.iterdir()
    # Beside each file, macOS leaves one on disks of other systems.
    (bag / f'._{file.name}').write_bytes(b'Mac OS X')
    for path in (bag, file):
        recording = open_recording(path, None, silent)
        assert_same(recording, images, tmp_path)
        assert recording.problems == []
        recording.close()


@pytest.mark.parametrize(
    'before,after',
    [('rosbag2_bagfile', '{{: '), ('bag.db3', 'other_0.db3'), ('/msg/Image', '/msg/Imu')],
)
def test_a_bag_whose_metadata_are_wrong_is_read(before, after, images, tmp_path):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images)}, StoragePlugin.SQLITE3)
    text = (bag / 'metadata.yaml').read_text()
    assert before in text
    (bag / 'metadata.yaml').write_text(text.replace(before, after))
    recording = open_recording(bag, None, silent)
    assert_same(recording, images, tmp_path)
    recording.close()


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
    'storage,compression',
    [
        (StoragePlugin.MCAP, None),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.SQLITE3, None),
    ],
)
def test_of_a_truncated_bag_what_is_readable_is_kept(storage, compression, images, tmp_path):
    bag = write_bag(tmp_path / 'bag', {'/image': stamped(images)}, storage, compression)
    (file,) = (each for each in bag.iterdir() if each.suffix in ('.mcap', '.db3'))
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 6 // 10])
    recording = open_recording(bag, None, silent)
    assert 5 <= len(recording.images) < len(images)
    assert recording.problems
    numbers = range(len(recording.images) - 1, -1, -1)
    for number, pixels in read_frames(recording, numbers, tmp_path):
        assert (pixels == images[number]).all()
    recording.close()


def record(operation, *parts):
    """Return a record of an mcap file; texts get their length before them."""
    content = b''.join(
        struct.pack('<I', len(part.encode())) + part.encode() if isinstance(part, str) else part
        for part in parts
    )
    return struct.pack('<BQ', operation, len(content)) + content


def write_other_mcap(path, images, profile='', order=None, others=False, summary=False):
    """
    Write an mcap file without an index as other programs do, with an lz4 chunk for each image.

    :param order: in which the images are written.
    :param others: add messages that are not those of ROS 2.
    :param summary: describe the channel in the first chunk and behind the data, not before them.
    """
    definition, _ = STORE.generate_msgdef('sensor_msgs/msg/Image', ros_version=2)
    head = record(3, b'\1\0', 'sensor_msgs/msg/Image', 'ros2msg', definition)
    head += record(4, b'\1\0\1\0', '/image', 'cdr', b'\0' * 4)
    if others:
        head += record(3, b'\2\0', 'foxglove.PoseInFrame', 'protobuf', '\1\2')
        head += record(4, b'\2\0\2\0', '/pose', 'protobuf', b'\0' * 4)
    chunks = []
    for number in order or range(len(images)):
        time = START + number * PERIOD
        message = stamped(images)[number]
        data = bytes(STORE.serialize_cdr(message, message.__msgtype__))
        stamp = struct.pack('<IQQ', number, time, time)
        records = record(5, b'\1\0', stamp, data)
        if others:
            records += record(5, b'\2\0', stamp, b'of another kind')
        if summary and not chunks:
            records = head + records
        packed = lz4.frame.compress(records)
        chunks.append(
            record(
                6,
                struct.pack('<QQQI', time, time, len(records), 0),
                'lz4',
                struct.pack('<Q', len(packed)) + packed,
            )
        )
    magic = b'\x89MCAP0\r\n'
    before = magic + record(1, profile, 'another program') + (b'' if summary else head)
    data = before + b''.join(chunks) + record(15, b'\0' * 4)
    start = struct.pack('<QQI', len(data) if summary else 0, 0, 0)
    path.write_bytes(data + (head if summary else b'') + record(2, start) + magic)
    return path


@pytest.mark.parametrize(
    'how',
    [
        {'profile': 'ros2'},
        {'profile': ''},
        {'profile': 'ros2', 'others': True},
        # As when the middleware delivers out of order.
        {'profile': 'ros2', 'order': [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]},
    ],
    ids=['plain', 'no profile', 'messages of others', 'out of order'],
)
def test_mcap_files_of_other_programs_are_read(how, images, tmp_path):
    bag = write_other_mcap(tmp_path / 'other.mcap', images[:12], **how)
    recording = open_recording(bag, None, silent)
    assert_same(recording, images[:12], tmp_path)
    assert [image.stamp - START - 5 for image in recording.images] == [
        number * PERIOD for number in range(12)
    ]
    recording.close()


@pytest.mark.parametrize('lost,summary', [(4, False), (0, True)])
def test_of_an_mcap_file_with_a_damaged_chunk_the_others_are_read(lost, summary, images, tmp_path):
    bag = write_other_mcap(tmp_path / 'other.mcap', images[:12], 'ros2', summary=summary)
    data = bytearray(bag.read_bytes())
    place = 0
    for _ in range(lost + 1):
        place = data.index(b'\x03\0\0\0lz4', place + 1)
    data[place + 30 : place + 60] = bytes(30)
    bag.write_bytes(data)
    recording = open_recording(bag, None, silent)
    expected = [image for number, image in enumerate(images[:12]) if number != lost]
    assert_same(recording, expected, tmp_path)
    assert recording.problems == ["'other.mcap' is damaged; parts that are lost: 1"]
    recording.close()


def test_a_bag_that_is_no_bag_is_refused_by_name(tmp_path):
    for name in ('some.mcap', 'some.db3'):
        (tmp_path / name).write_bytes(b'nothing of a bag, but long enough to be read' * 100)
        with pytest.raises(LabellingError, match=name.replace('.', r'\.')):
            open_recording(tmp_path / name, None, silent)


def test_of_two_cameras_one_must_be_chosen(images, tmp_path):
    topics = {'/left': stamped(images), '/right': stamped(images[::-1])}
    bag = write_bag(tmp_path / 'bag', topics)
    with pytest.raises(LabellingError, match=r'--topic: /left, /right'):
        open_recording(bag, None, silent)
    with pytest.raises(LabellingError, match=r"topic '/up'; topics with images: /left, /right"):
        open_recording(bag, '/up', silent)
    recording = open_recording(bag, '/right', silent)
    assert_same(recording, images[::-1], tmp_path)
    recording.close()


def test_transports_of_one_camera_are_one_camera(images, tmp_path):
    topics = {
        '/camera/image': stamped(images),
        '/camera/image/compressed': stamped(images, compressed),
        '/camera/image/compressedDepth': stamped(images, compressed),
    }
    recording = open_recording(write_bag(tmp_path / 'bag', topics), None, silent)
    assert recording.images[0].name == '/camera/image:0'
    recording.close()


def test_a_topic_without_messages_is_not_chosen(images, tmp_path):
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.add_connection('/camera/image', 'sensor_msgs/msg/Image', typestore=STORE)
        used = writer.add_connection('/used', 'sensor_msgs/msg/Image', typestore=STORE)
        for message in stamped(images):
            writer.write(used, START, STORE.serialize_cdr(message, message.__msgtype__))
    recording = open_recording(tmp_path / 'bag', None, silent)
    assert (recording.images[0].name, len(recording.images)) == ('/used:0', len(images))
    recording.close()


def test_a_bag_of_ros_1_is_refused_by_name(tmp_path):
    (tmp_path / 'drive.bag').write_bytes(b'#ROSBAG V2.0')
    with pytest.raises(LabellingError, match=r"drive\.bag' is a bag of ROS 1"):
        open_recording(tmp_path / 'drive.bag', None, silent)


def test_what_is_no_picture_is_left_out_and_counted(images, tmp_path):
    messages = stamped(images)
    messages[4].encoding = messages[9].encoding = '32FC1'
    messages[6] = raw(START + 6 * PERIOD, np.zeros((40, 60, 3), np.uint8))
    recording = open_recording(write_bag(tmp_path / 'bag', {'/image': messages}), None, silent)
    assert len(recording.images) == len(images) - 2
    (problem,) = recording.problems
    assert problem.startswith('2 images left out') and '32FC1' in problem
    assert [pixels.shape[:2] for pixels in recording.read(4, 6)] == [(128, 128), (40, 60)]
    recording.close()


def test_the_pass_over_a_bag_is_repeated_when_another_topic_is_wanted(images, tmp_path):
    topics = {'/left': stamped(images), '/right': stamped(images[::-1])}
    bag = write_bag(tmp_path / 'bag', topics)
    kept, passes = tmp_path / 'recording.index', []

    def opened(topic):
        passes.clear()
        return open_recording(bag, topic, lambda *told: passes.append(told), kept)

    first = opened('/left')
    assert passes
    again = opened('/left')
    assert not passes and (again.digest, again.problems) == (first.digest, first.problems)
    assert again.received == first.received
    assert_same(again, images, tmp_path)
    assert_same(opened('/right'), images[::-1], tmp_path)
    assert passes


def test_the_pass_over_a_bag_with_a_damaged_image_is_repeated(images, tmp_path):
    damaged = raw(START + 5, images[0])
    damaged.encoding = 'unheard_of'
    bag = write_bag(tmp_path / 'bag', {'/image': [damaged, *stamped(images)]})
    kept, passes = tmp_path / 'recording.index', []
    for _ in range(2):
        passes.clear()
        recording = open_recording(bag, None, lambda *told: passes.append(told), kept)
        recording.close()
        assert passes and any('left out' in each for each in recording.problems)
