# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Bags as others write them are read, or refused by name."""

import numpy as np
import pytest

from sam_tracker.labelling.job import open_recording
from sam_tracker.labelling.recording import LabellingError

pytest.importorskip('rosbags', reason='bags are read with rosbags')

from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer

from .written_bags import (
    PERIOD,
    START,
    STORE,
    assert_same,
    compressed,
    header,
    raw,
    silent,
    stamped,
    write_bag,
    write_other_mcap,
)


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


@pytest.mark.parametrize(
    'how',
    [
        {'profile': 'ros2'},
        {'profile': ''},
        {'profile': 'ros2', 'others': True},
        # As when the middleware delivers out of order.
        {'profile': 'ros2', 'order': [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]},
        # As when two nodes publish on one topic.
        {'profile': 'ros2', 'channels': 2},
        {'profile': 'ros2', 'summary': True},
        # As of a recorder that has not found it.
        {'profile': 'ros2', 'definition': ''},
    ],
    ids=[
        *('plain', 'no profile', 'messages of others', 'out of order', 'two channels'),
        *('summary', 'no definition'),
    ],
)
def test_mcap_files_of_other_programs_are_read(how, images, tmp_path):
    bag = write_other_mcap(tmp_path / 'other.mcap', images[:12], **how)
    recording = open_recording(bag, None, silent)
    assert_same(recording, images[:12], tmp_path)
    assert [image.stamp - START - 5 for image in recording.images] == [
        number * PERIOD for number in range(12)
    ]
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


def test_a_bag_without_images_is_refused_with_the_topics_that_it_has(tmp_path):
    kind = 'std_msgs/msg/Header'
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for number in range(12):
            connection = writer.add_connection(f'/{number}', kind, typestore=STORE)
            writer.write(connection, START, STORE.serialize_cdr(header(START), kind))
    with pytest.raises(LabellingError, match=r"bag' has no .*: /0 \(std_msgs.* and 2 more"):
        open_recording(tmp_path / 'bag', None, silent)


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
