# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that tests write, and the comparison of what is read."""

import struct

import cv2
import lz4.frame
import numpy as np
from rosbags.rosbag2 import CompressionFormat, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from sam_tracker.labelling.recording import read_frames

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


def record(operation, *parts):
    """Return a record of an mcap file; texts get their length before them."""
    content = b''.join(
        struct.pack('<I', len(part.encode())) + part.encode() if isinstance(part, str) else part
        for part in parts
    )
    return struct.pack('<BQ', operation, len(content)) + content


def write_other_mcap(
    path, images, profile='', order=None, others=False, summary=False, channels=1, definition=None
):
    """
    Write an mcap file without an index as other programs do, with an lz4 chunk for each image.

    :param order: in which the images are written.
    :param others: add messages that are not those of ROS 2.
    :param channels: of the topic, used in turn.
    :param definition: of the messages; None: the right one.
    :param summary: describe the channels in the first chunk and behind the data, not before them.
    """
    if definition is None:
        definition, _ = STORE.generate_msgdef('sensor_msgs/msg/Image', ros_version=2)
    head = record(3, b'\1\0', 'sensor_msgs/msg/Image', 'ros2msg', definition)
    for channel in range(channels):
        key = struct.pack('<H', 10 + channel)
        head += record(4, key + b'\1\0', '/image', 'cdr', b'\0' * 4)
    if others:
        head += record(3, b'\2\0', 'foxglove.PoseInFrame', 'protobuf', '\1\2')
        head += record(4, b'\2\0\2\0', '/pose', 'protobuf', b'\0' * 4)
    chunks = []
    for number in order or range(len(images)):
        time = START + number * PERIOD
        message = stamped(images)[number]
        data = bytes(STORE.serialize_cdr(message, message.__msgtype__))
        stamp = struct.pack('<IQQ', number, time, time)
        records = record(5, struct.pack('<H', 10 + number % channels), stamp, data)
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
