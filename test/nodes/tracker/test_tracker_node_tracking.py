# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The node with the weights that come with it really follows things; over real DDS."""

import signal

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.networks.weights.catalogue import CheckpointError, find_checkpoint
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.video.generated import generate_clip

FRAMES, HEIGHT, WIDTH = 45, 240, 320


@pytest.fixture(scope='module')
def clip():
    return generate_clip(5, FRAMES, (HEIGHT, WIDTH), 'easy', held_out=True, scenario='plain')


@pytest.fixture
def bundled_tester(graph, new_tester):
    try:
        find_checkpoint('nano')
    except CheckpointError as error:
        pytest.skip(f'no bundled weights: {error}')
    program = graph.start(
        'sam_tracker.nodes.tracker.tracker_node', device='cpu', precision='float32', cpu_threads=1
    )
    tester = new_tester()
    tester.wait_until_active()
    yield tester
    assert program.end(signal.SIGINT) == 0


def overlap(mask, truth) -> float:
    return float((mask & truth).sum() / max((mask | truth).sum(), 1))


def pasted(track, height, width):
    region = track.mask.region
    mask = np.zeros((height, width), bool)
    crop = np.frombuffer(track.mask.data, np.uint8).reshape(region.height, region.width)
    rows = slice(region.y_offset, region.y_offset + region.height)
    mask[rows, region.x_offset : region.x_offset + region.width] = crop != 0
    return mask


def test_an_object_of_a_clip_is_followed_from_a_box_made_on_an_earlier_image(
    graph, bundled_tester, clip
):
    tester = bundled_tester
    camera = tester.node.create_publisher(Image, 'image', QoSProfile(depth=1))
    headers = [
        Header(frame_id='clip', stamp=time_message(SECOND + index * SECOND // 30))
        for index in range(FRAMES)
    ]

    def show(index):
        """Publish one image and return its tracks: every image is processed."""

        def answered():
            camera.publish(image_message(clip.frames[index], 'rgb8', headers[index]))
            return tester.tracks and tester.tracks[-1].header == headers[index]

        graph.wait_until(answered, f'tracks of image {index}')
        return tester.tracks[-1]

    late = 4
    for index in range(late + 1):
        show(index)
    truth = clip.boxes[0, 0]
    answer = tester.add_box(*truth.tolist(), header=headers[0], label='thing')
    assert answer.success, answer.message
    assert 'caught up over 0.13 s' in answer.message
    assert answer.header == headers[late]
    overlaps = []
    for index in range(late + 1, FRAMES):
        (track,) = show(index).tracks
        overlaps.append(overlap(pasted(track, HEIGHT, WIDTH), clip.masks[index] == 1))
    assert np.mean(overlaps) > 0.6, overlaps
    assert nanoseconds(track.time_since_seen) == 0
    tester.node.destroy_publisher(camera)
