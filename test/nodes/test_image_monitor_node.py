# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Two programs of the project, one sending images through DDS, one receiving them."""

import json
import signal

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.process.fast_dds import large_image_profile

from ..frame_number import read_frame_number

MONITOR = 'sam_tracker.nodes.image_monitor_node'
VIDEO = 'sam_tracker.nodes.video_node'
PROFILE = {'FASTRTPS_DEFAULT_PROFILES_FILE': str(large_image_profile())}


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_images_of_another_process_are_counted_and_shown(start, tmp_path, transport):
    picture, report = tmp_path / 'last.png', tmp_path / 'report.json'
    monitor = start(MONITOR, frames=30, picture=picture, report=report, image_transport=transport)
    video = start(
        VIDEO,
        environment=PROFILE,
        frames=30,
        wait_for_subscribers=1,
        rate=30,
        image_transport=transport,
        width=320,
        height=180,
    )
    assert monitor.wait() == 0
    assert video.wait() == 0
    figures = json.loads(report.read_text())
    assert (figures['received'], figures['lost']) == (30, 0)
    assert figures['rate'] > 0
    latency = figures['latency']
    assert 0 < latency['least'] <= latency['median'] <= latency['p95'] <= latency['most']
    assert 'received 30 images' in monitor.output
    last = cv2.imread(str(picture))
    assert last.shape == (180, 320, 3)
    assert read_frame_number(last) == 29


def test_the_picture_of_a_camera_of_ten_bits_uses_all_grey_levels(start, listener, tmp_path):
    picture = tmp_path / 'last.png'
    monitor = start(MONITOR, frames=1, picture=picture)
    publisher = listener.node.create_publisher(Image, 'image', 1)
    ramp = np.tile(np.arange(1024, dtype=np.uint16), (32, 1))

    def shown() -> bool:
        publisher.publish(image_message(ramp, 'mono16', Header()))
        return monitor.process.poll() is not None

    listener.spin_until(shown, 'the end of the monitor')
    assert monitor.wait() == 0
    last = cv2.imread(str(picture))
    assert (last.min(), last.max()) == (0, 255)


@pytest.mark.parametrize('simulated', ['false', 'true'])
def test_without_images_it_says_so_and_fails(start, simulated):
    # Also where nobody publishes the simulated time.
    monitor = start(MONITOR, patience=0.5, use_sim_time=simulated)
    assert monitor.wait() == 1
    assert 'received 0 images on /image' in monitor.output
    assert 'Traceback' not in monitor.output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_report_of_what_came(start, number):
    monitor = start(MONITOR)
    monitor.wait_for_output('listening to /image')
    start(VIDEO, frames=5, wait_for_subscribers=1, width=32, height=32, rate=50).wait()
    assert monitor.end(number) == 0
    assert 'received 5 images' in monitor.output
    assert 'Traceback' not in monitor.output


def test_images_whose_stamps_are_recorded_tell_no_latency(start):
    monitor = start(MONITOR, frames=3)
    start(VIDEO, frames=3, wait_for_subscribers=1, stamps='recorded', width=32, height=32)
    assert monitor.wait() == 0
    assert 'latency unknown: the stamps are not times of publication' in monitor.output


@pytest.mark.parametrize(
    ('parameters', 'named'),
    [
        ({'picture': '/no/such/folder/last.png'}, '/no/such/folder/last.png'),
        ({'picture': 'last.text'}, 'last.text'),
        ({'report': '/no/such/folder/report.json'}, '/no/such/folder/report.json'),
        ({'reliability': 'always'}, "'always'"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(start, parameters, named):
    monitor = start(MONITOR, **parameters)
    assert monitor.wait() == 1
    assert monitor.output.count('\n') == 1
    assert named in monitor.output
