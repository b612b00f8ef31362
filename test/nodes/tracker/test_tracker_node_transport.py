# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed images, and publishers that offer too little; over real DDS."""

import signal
import time

import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from sam_tracker.ros.images.conversion import compressed_image_message
from sam_tracker.ros.messages.stamps import time_message


@pytest.fixture(scope='module')
def program(graph, random_checkpoint):
    program = graph.start(
        'sam_tracker.nodes.tracker.tracker_node',
        '-r',
        'image:=camera/color',
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        image_transport='compressed',
        **{'qos_overrides./camera/color/compressed.subscription.reliability': 'reliable'},
    )
    yield program
    assert 'has no effect' not in program.output
    assert program.end(signal.SIGINT) == 0


@pytest.fixture
def compressed_tester(program, new_tester):
    tester = new_tester()
    tester.wait_until_active()
    assert tester.set('no_image_warning', 0.5).successful
    return tester


def test_a_publisher_that_offers_too_little_is_told_in_the_diagnostics(compressed_tester):
    tester = compressed_tester
    profile = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    camera = tester.node.create_publisher(CompressedImage, 'camera/color/compressed', profile)
    tester.diagnosed(
        lambda status, _: 'offers less than is asked for (RELIABILITY)' in status.message,
        'a warning about the quality of service',
    )
    tester.node.destroy_publisher(camera)


def test_images_elsewhere_are_named_while_nobody_publishes_on_the_topic(compressed_tester):
    tester = compressed_tester
    right = tester.node.create_publisher(CompressedImage, 'elsewhere/compressed', 1)
    wrong = tester.node.create_publisher(Image, 'elsewhere', 1)
    status, values = tester.diagnosed(
        lambda status, _: 'there are images on /elsewhere/compressed' in status.message,
        'a hint at the topic',
    )
    assert 'on /camera/color/compressed' in status.message
    assert values['image topic'] == '/camera/color/compressed'
    for publisher in (right, wrong):
        tester.node.destroy_publisher(publisher)


def test_compressed_images_are_tracked_under_their_very_header(graph, compressed_tester):
    tester = compressed_tester
    camera = tester.node.create_publisher(CompressedImage, 'camera/color/compressed', 1)
    picture = np.zeros((90, 120, 3), np.uint8)
    headers = []

    def tracked():
        headers.append(Header(frame_id='camera', stamp=time_message(time.time_ns())))
        camera.publish(compressed_image_message(picture, 'bgr8', headers[-1]))
        time.sleep(0.05)
        return len(tester.tracks) > 3

    graph.wait_until(tracked, 'tracks of compressed images')
    for message in tester.tracks:
        assert message.header in headers
        assert (message.image_width, message.image_height) == (120, 90)
    tester.node.destroy_publisher(camera)
