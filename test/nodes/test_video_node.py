# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The video node in a process of its own, received over DDS."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
from rcl_interfaces.srv import DescribeParameters, GetParameters
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from sam_tracker.ros.images.conversion import rgb_image
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.video.test_pattern import BARS

from ..frame_number import read_frame_number
from ..video_file import grey_images, write_video

VIDEO_NODE = 'sam_tracker.nodes.video_node'
SMALL = {'width': 160, 'height': 96, 'rate': 60}


def numbers(messages):
    return [read_frame_number(rgb_image(message)) for message in messages]


def stamps(messages):
    return [nanoseconds(message.header.stamp) for message in messages]


def write_greys(path, frames, rate=25.0, size=(64, 48)):
    """Write a video whose frame n has the grey value 10 n."""
    return write_video(path, grey_images(frames, 10, size), rate)


def assert_bars(rgb):
    """Compare the upper edge of the pattern, where the square never is, with its colours."""
    centres = (2 * np.arange(len(BARS)) + 1) * rgb.shape[1] // (2 * len(BARS))
    expected = np.array(BARS)[:, ::-1]
    np.testing.assert_allclose(rgb[2, centres].astype(int), expected, atol=12)


def test_no_frame_is_missed_and_none_differs(start, listener):
    images = listener.listen(Image, 'image')
    infos = listener.listen(CameraInfo, 'camera_info')
    program = start(VIDEO_NODE, frames=40, wait_for_subscribers=1, frame_id='eye', **SMALL)
    listener.spin_until(lambda: len(images) >= 40 <= len(infos), '40 frames')
    assert program.wait() == 0
    assert 'published 40 frames' in program.output
    assert numbers(images) == list(range(40))
    first = images[0]
    assert (first.width, first.height, first.encoding) == (160, 96, 'bgr8')
    assert first.header.frame_id == 'eye'
    assert_bars(rgb_image(first))
    assert [info.header for info in infos] == [image.header for image in images]
    assert (infos[0].width, infos[0].height) == (160, 96)
    assert infos[0].k[2] == pytest.approx(79.5)
    assert infos[0].k[0] == pytest.approx(80 / np.tan(np.radians(30)))


def test_images_come_at_the_rate_asked_for_and_stamped_now(start, listener):
    images = listener.listen(Image, 'image', best_effort=True)
    before = time.time_ns()
    start(VIDEO_NODE, frames=31, wait_for_subscribers=1, width=160, height=96, rate=20)
    listener.spin_until(lambda: len(images) >= 31, '31 frames')
    times = stamps(images)
    assert before < times[0] < times[-1] < time.time_ns()
    # No faster than asked for; slower where the machine has other work.
    assert (times[-1] - times[0]) / 1e9 > 1.0


@pytest.mark.parametrize('codec', ['jpeg', 'png'])
def test_compressed_images_are_published_with_the_raw_ones_header(start, listener, codec):
    raw = listener.listen(Image, '/robot/eye/image_raw')
    compressed = listener.listen(CompressedImage, '/robot/eye/image_raw/compressed')
    infos = listener.listen(CameraInfo, '/robot/eye/camera_info')
    start(
        VIDEO_NODE,
        *('--ros-args', '-r', 'image:=eye/image_raw', '-r', '__ns:=/robot'),
        frames=10,
        wait_for_subscribers=2,
        image_transport='both',
        compressed_format=codec,
        encoding='rgb8',
        **SMALL,
    )
    listener.spin_until(lambda: len(raw) == len(compressed) == len(infos) == 10, '10 frames each')
    assert [each.header for each in compressed] == [each.header for each in raw]
    assert compressed[0].format == f'rgb8; {codec} compressed bgr8'
    assert numbers(compressed) == numbers(raw) == list(range(10))
    assert_bars(rgb_image(compressed[0]))
    assert_bars(rgb_image(raw[0]))


def test_a_video_is_published_whole_with_recorded_stamps(start, listener, tmp_path):
    images = listener.listen(Image, 'image')
    video = write_greys(tmp_path / 'clip.avi', frames=12)
    program = start(
        VIDEO_NODE, source=video, wait_for_subscribers=1, stamps='recorded', encoding='mono8'
    )
    assert listener.spin_until(lambda: program.process.poll() is not None, 'the end')
    assert program.wait() == 0
    assert images[0].encoding == 'mono8'
    greys = [rgb_image(image).mean() for image in images]
    np.testing.assert_allclose(greys, [10 * number for number in range(12)], atol=3)
    assert stamps(images) == [10**9 + number * 40_000_000 for number in range(12)]


def test_time_goes_on_when_a_loop_starts_again(start, listener, tmp_path):
    images = listener.listen(Image, 'image')
    video = write_greys(tmp_path / 'clip.avi', frames=4)
    program = start(
        VIDEO_NODE,
        source=video,
        loop=True,
        wait_for_subscribers=1,
        stamps='recorded',
        rate=50,
        width=32,
    )
    listener.spin_until(lambda: len(images) >= 10, '10 frames')
    assert stamps(images[:10]) == [10**9 + number * 40_000_000 for number in range(10)]
    assert (images[0].width, images[0].height) == (32, 24)
    greys = [rgb_image(image).mean() for image in images[:10]]
    np.testing.assert_allclose(greys, [10 * (number % 4) for number in range(10)], atol=3)
    assert program.end(signal.SIGINT) == 0


def test_a_folder_with_times_in_its_names_keeps_these_times(start, listener, tmp_path):
    times = [1403636579763555584, 1403636579813555456, 1403636579863555584]
    for number, time_ in enumerate(times):
        cv2.imwrite(str(tmp_path / f'{time_}.png'), np.full((20, 30, 3), 50 * number, np.uint8))
    images = listener.listen(Image, 'image')
    program = start(VIDEO_NODE, source=tmp_path, wait_for_subscribers=1, stamps='recorded')
    listener.spin_until(lambda: program.process.poll() is not None, 'the end')
    assert stamps(images) == times
    assert [rgb_image(image)[0, 0, 0] for image in images] == [0, 50, 100]


def test_a_calibration_file_is_what_camera_info_says(start, listener, tmp_path):
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text(
        'image_width: 160\nimage_height: 96\ncamera_name: eye\ndistortion_model: plumb_bob\n'
        'camera_matrix: {rows: 3, cols: 3, data: [101.5, 0, 80, 0, 102.5, 48, 0, 0, 1]}\n'
        'distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.001, 0.002, 0]}\n'
        'rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {rows: 3, cols: 4, data: [99, 0, 80, 0, 0, 98, 48, 0, 0, 0, 1, 0]}\n'
    )
    infos = listener.listen(CameraInfo, 'camera_info')
    start(VIDEO_NODE, calibration_file=calibration, **SMALL)
    listener.spin_until(lambda: infos, 'camera_info')
    assert list(infos[0].d) == [0.1, -0.2, 0.001, 0.002, 0.0]
    assert list(infos[0].k) == [101.5, 0.0, 80.0, 0.0, 102.5, 48.0, 0.0, 0.0, 1.0]
    assert infos[0].p[0] == 99.0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_zero_and_without_a_word(start, number):
    program = start(VIDEO_NODE, loop=True, **SMALL)
    program.wait_for_output('on /image')
    time.sleep(0.2)
    assert program.end(number) == 0
    assert program.output.count('\n') == 1


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_it_waits_for_subscribers(start, number):
    program = start(VIDEO_NODE, wait_for_subscribers=3, **SMALL)
    program.wait_for_output('waiting for 3 subscribers')
    assert program.end(number) == 0
    assert 'Traceback' not in program.output


def test_killing_it_does_not_stop_the_next_start(start, listener):
    images = listener.listen(Image, 'image')
    for _ in range(2):
        program = start(VIDEO_NODE, **SMALL)
        images.clear()
        listener.spin_until(lambda: len(images) >= 5, 'images of a new start')
        assert program.end(signal.SIGKILL) == -signal.SIGKILL
    program = start(VIDEO_NODE, frames=5, **SMALL)
    assert program.wait() == 0
    assert 'published 5 frames' in program.output


@pytest.mark.parametrize(
    ('parameters', 'named'),
    [
        ({'source': '/no/such/clip.mp4'}, "'/no/such/clip.mp4' does not exist"),
        ({'source': __file__}, f'{__file__!r} is not a readable video'),
        ({'encoding': 'bgr9'}, "encoding must be one of mono8, .* not 'bgr9'"),
        ({'rate': 'fast'}, "rate must be a number or auto, not 'fast'"),
        ({'rate': -1.0}, 'rate .*-1.0'),
        ({'width': 2.5}, 'width .*2.5'),
        ({'encoding': 'mono16', 'image_transport': 'compressed'}, "cannot store 'mono16' images"),
        ({'calibration_file': '/no/such.yaml'}, "'/no/such.yaml' cannot be read"),
        ({'qos_overrides./image.publisher.reliability': 'never'}, 'reliability.*never'),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(start, parameters, named):
    program = start(VIDEO_NODE, **parameters)
    assert program.wait() == 1
    lines = program.output.splitlines()
    assert len(lines) == 1, program.output
    assert '[FATAL]' in lines[0]
    assert re.search(named, lines[0]), lines[0]


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['pattern'], "unexpected argument 'pattern'"),
        (['--ros-args', '-p', 'rate'], "'-p rate'"),
        (['--ros-args', '--params-file', '/no/such.yaml'], '/no/such.yaml'),
        (['--ros-args', '--bogus'], '--bogus'),
    ],
)
def test_a_command_line_that_cannot_be_read_ends_with_two(start, arguments, named):
    program = start(VIDEO_NODE, *arguments)
    assert program.wait() == 2
    fatal = [line for line in program.output.splitlines() if '[FATAL]' in line]
    assert len(fatal) == 1, program.output
    assert named in fatal[0]
    assert 'Traceback' not in program.output


def test_a_mistyped_parameter_is_warned_of(start):
    program = start(VIDEO_NODE, frames=1, wdith=3, **SMALL)
    assert program.wait() == 0
    assert (
        "parameter 'wdith' is unknown and has no effect; did you mean 'width'?" in program.output
    )


def test_a_folder_that_goes_bad_ends_it_with_the_name_of_the_file(start, tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.zeros((20, 30, 3), np.uint8))
    (tmp_path / '2.png').write_bytes(b'not a picture')
    program = start(VIDEO_NODE, source=tmp_path)
    assert program.wait() == 1
    assert f"image '{tmp_path / '2.png'}' is not a readable image" in program.output
    assert 'Traceback' not in program.output


def answer(listener, client, request):
    """Ask until there is an answer: a service that is there may not know yet where answers go."""
    assert client.wait_for_service(20.0)
    futures = []

    def answered():
        now = time.monotonic()
        if not futures or now - futures[-1][0] > 5:
            futures.append((now, client.call_async(request)))
        return next((future for _, future in futures if future.done()), None)

    return listener.spin_until(answered, 'an answer').result()


def test_parameters_are_described_and_tell_their_values(start, listener):
    start(VIDEO_NODE, loop=True, **SMALL)
    describe = listener.node.create_client(DescribeParameters, 'video/describe_parameters')
    get = listener.node.create_client(GetParameters, 'video/get_parameters')
    asked = DescribeParameters.Request(names=['rate', 'source', 'depth'])
    rate, source, depth = answer(listener, describe, asked).descriptors
    assert rate.floating_point_range[0].to_value == 1000.0
    assert 'video' in source.description
    assert (depth.integer_range[0].from_value, depth.integer_range[0].to_value) == (1, 1000)
    asked = GetParameters.Request(names=['width', 'loop', 'encoding'])
    width, loop, encoding = answer(listener, get, asked).values
    assert (width.integer_value, loop.bool_value, encoding.string_value) == (160, True, 'bgr8')


def test_quality_of_service_follows_the_override(start, listener):
    start(
        VIDEO_NODE,
        loop=True,
        **{'qos_overrides./image.publisher.reliability': 'best_effort', **SMALL},
    )
    found = listener.spin_until(
        lambda: listener.node.get_publishers_info_by_topic('/image'), 'a publisher'
    )
    assert found[0].qos_profile.reliability.name == 'BEST_EFFORT'
    found = listener.spin_until(
        lambda: listener.node.get_publishers_info_by_topic('/camera_info'), 'a publisher'
    )
    assert found[0].qos_profile.reliability.name == 'RELIABLE'


@pytest.mark.parametrize(('loop', 'shown'), [(False, True), (True, False)])
def test_a_terminal_sees_progress_unless_it_loops(domain, loop, shown, tmp_path):
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    video = write_greys(tmp_path / 'clip.avi', frames=20)
    command = [sys.executable, '-m', VIDEO_NODE, '--ros-args', '-p', f'source:={video}']
    command += ['-p', f'loop:={str(loop).lower()}', '-p', 'frames:=20', '-p', 'rate:=40.0']
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its)
    os.close(its)
    written = b''
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:  # the program has closed its end
        pass
    os.close(ours)
    assert program.wait(90) == 0
    assert (b'20/20' in written) == shown
