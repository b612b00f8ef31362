# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras that stop, come back, die, jump in time, do not stamp, or are two; over real DDS."""

import math
import signal
import sys
import time

from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.ros.messages.stamps import nanoseconds

from ...conftest import wait_until

BEST_EFFORT = ReliabilityPolicy.BEST_EFFORT


def test_a_camera_that_stops_and_comes_back_keeps_its_objects(new_camera, tester):
    first = new_camera()
    tester.next_tracks()
    assert tester.add_box().success
    first.close()
    first.close = lambda: None
    assert tester.set('no_image_warning', 1.0).successful
    tester.diagnosed(
        lambda status, _: (
            'no image for' in status.message
            and 'on /image' in status.message
            and 'no publisher' in status.message
        ),
        'a warning that no images come',
    )
    new_camera(reliability=ReliabilityPolicy.BEST_EFFORT)
    assert [track.object_id for track in tester.next_tracks(3)[2].tracks] == [1]
    tester.diagnosed(lambda status, _: 'no image' not in status.message, 'the end of the warning')


def test_stamps_that_jump_back_keep_the_objects_and_are_told(new_camera, tester):
    camera = new_camera()
    tester.next_tracks()
    assert tester.add_box().success
    camera.offset = -60 * SECOND
    deadline = time.monotonic() + 30
    latest = tester.next_tracks()[0]
    while nanoseconds(latest.header.stamp) > time.time_ns() - 50 * SECOND:
        assert time.monotonic() < deadline
        latest = tester.next_tracks()[0]
    assert [track.object_id for track in latest.tracks] == [1]
    assert tester.add_box(header=latest.header).success
    tester.diagnosed(
        lambda status, values: 'jumped back' in status.message and int(values['clock jumps']) > 0,
        'a clock jump in the diagnostics',
    )


def test_images_without_a_stamp_are_tracked_by_their_arrival(graph, new_camera, tester):
    camera = new_camera(silent=True)
    header = Header(frame_id='unstamped')
    picture = Image(header=header, width=32, height=32, step=32, encoding='mono8')
    picture.data.frombytes(bytes(1024))

    def published_and_tracked() -> bool:
        camera.publisher.publish(picture)
        time.sleep(0.1)
        return [each.header for each in tester.tracks[-3:]] == [header] * 3

    graph.wait_until(published_and_tracked, 'tracks of images without a stamp')


def test_simulated_time_that_does_not_run_is_told_and_images_are_tracked(new_camera, tester):
    new_camera()
    assert tester.set('use_sim_time', True).successful
    try:
        tester.next_tracks(3)
        tester.diagnosed(
            lambda status, _: 'use_sim_time mean the same clock' in status.message,
            'a warning about clocks',
        )
    finally:
        assert tester.set('use_sim_time', False).successful


CAMERA = """
import sys, time
import numpy, rclpy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from sam_tracker.ros.images.conversion import image_message

rclpy.init()
node = rclpy.create_node('real_camera')
publisher = node.create_publisher(Image, 'image', 1)
picture = numpy.zeros((120, 160, 3), numpy.uint8)
while True:
    header = Header(stamp=node.get_clock().now().to_msg(), frame_id=sys.argv[1])
    publisher.publish(image_message(picture, 'bgr8', header))
    time.sleep(0.05)
"""


def test_two_cameras_in_two_namespaces_are_tracked_apart(
    graph, random_checkpoint, new_camera, new_tester
):
    sides = ('/left', '/right')
    programs = [
        graph.start(
            'sam_tracker.nodes.tracker.tracker_node',
            '-r',
            f'__ns:={side}',
            checkpoint=random_checkpoint,
            device='cpu',
            precision='float32',
            # The random network answers all prompts with much the same mask.
            resolve_overlaps='false',
        )
        for side in sides
    ]
    testers = [new_tester(namespace=side) for side in sides]
    for side, tester in zip(sides, testers, strict=True):
        tester.wait_until_active()
        new_camera(namespace=side, rate=8.0, frame_id=side)
    for tester in testers:
        tester.next_tracks()
    assert testers[0].add_box(label='left').success
    assert testers[1].add_box(label='right').success
    assert testers[1].add_box(label='right too').success
    for side, tester, count in zip(sides, testers, (1, 2), strict=True):
        message = tester.next_tracks(2)[1]
        assert message.header.frame_id == side
        assert [track.object_id for track in message.tracks] == list(range(1, count + 1))
        status, _ = tester.diagnosed(lambda *_: True, 'diagnostics')
        assert status.name == f'{side[1:]}/sam_tracker: tracking'
    assert [program.end(signal.SIGINT) for program in programs] == [0, 0]


def test_images_that_were_never_taken_are_counted(new_camera, tester):
    camera = new_camera(silent=True)
    received, missed = 'images received', 'images dropped: lost or replaced before it was taken'

    def counts() -> tuple[int, int]:
        _, values = tester.diagnosed(lambda _, values: received in values, 'diagnostics')
        return int(values[received]), int(values[missed])

    def publish(seconds: float, pause: float, *cameras) -> int:
        end, published = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for each in cameras:
                each.publish()
                published += 1
            time.sleep(pause)
        # The last one is not replaced by any.
        last = cameras[-1].publish().stamp
        wait_until(lambda: tester.tracks[-1].header.stamp == last, 'tracks of the last image')
        return published + 1

    wait_until(camera.publisher.get_subscription_count, 'a subscription')
    topic = camera.publisher.topic_name
    wait_until(lambda: tester.node.count_publishers(topic) == 1, 'being alone', 60.0)
    publish(0.3, 0.05, camera)
    before = counts()
    published = publish(2.0, 0.0, camera)
    after = counts()
    assert after[1] > before[1]
    assert sum(after) - sum(before) == published

    # Neither one that is started anew nor one more is taken for a flood that was lost.
    camera.close()
    camera.close = lambda: None
    again, other = new_camera(silent=True), new_camera(silent=True)
    for each in (again, other):
        wait_until(each.publisher.get_subscription_count, 'a subscription')
    published = publish(0.5, 0.02, again)
    published += publish(1.0, 0.02, again, other)
    assert 0 < sum(counts()) - sum(after) <= published


def test_every_published_image_is_counted_once_also_with_prompts_and_pauses(new_camera, tester):
    camera = new_camera(silent=True)
    dropped = 'images dropped: '

    def counts() -> dict[str, int]:
        _, values = tester.diagnosed(lambda *_: True, 'diagnostics')
        named = {name: int(values[f'images {name}']) for name in ('published', 'processed')}
        named['dropped'] = sum(
            int(value) for name, value in values.items() if name.startswith(dropped)
        )
        return named

    def published_and_settled() -> bool:
        camera.publish()
        last = camera.headers[-1].stamp
        end = time.monotonic() + 5.0
        while time.monotonic() < end:
            if tester.tracks and tester.tracks[-1].header.stamp == last:
                return True
            time.sleep(0.01)
        return False

    wait_until(camera.publisher.get_subscription_count, 'a subscription')
    topic = camera.publisher.topic_name
    wait_until(lambda: tester.node.count_publishers(topic) == 1, 'being alone', 60.0)
    # The node may still be resubscribing, with the reliability of this camera.
    wait_until(published_and_settled, 'tracks of an image')
    wait_until(published_and_settled, 'tracks of an image')
    before, sent = counts(), len(camera.headers)
    for turn in range(3):
        for index in range(25):
            camera.publish()
            time.sleep(0.002 * (index % 7))
            if index % 8 == 0:
                header = camera.headers[-1 - index % 2]
                tester.add_box(header=header)
        assert tester.call('set_paused', data=turn == 1).success
    tester.call('set_paused', data=False)
    wait_until(published_and_settled, 'tracks of the last image')
    after = counts()
    difference = {name: after[name] - before[name] for name in after}
    assert difference['published'] == len(camera.headers) - sent
    assert difference['processed'] + difference['dropped'] == difference['published']
    assert difference['processed'] > 3


def test_the_log_says_once_why_no_image_comes(new_camera, tester, tracker_program):
    camera = new_camera(rate=20.0)
    tester.next_tracks(5)
    camera.silent = True
    assert tester.set('no_image_warning', 0.5).successful
    tester.diagnosed(lambda status, _: 'no image for' in status.message, 'a warning of silence')
    lines = [line for line in tracker_program.output.splitlines() if ']: no image for' in line]
    tester.diagnosed(lambda status, _: 'no image for' in status.message, 'a warning of silence')
    again = [line for line in tracker_program.output.splitlines() if ']: no image for' in line]
    assert again == lines
    assert lines[-1].endswith('1 publisher(s) on /image send nothing')


def test_a_warning_about_a_publisher_that_offers_too_little_goes_with_it(new_camera, tester):
    reliable = new_camera(rate=10.0)
    tester.next_tracks()
    weak = tester.node.create_publisher(
        Image, reliable.publisher.topic_name, QoSProfile(depth=1, reliability=BEST_EFFORT)
    )
    wait_until(weak.get_subscription_count, 'a subscription that takes less')
    tester.node.destroy_publisher(weak)
    tester.next_tracks(3)
    tester.diagnosed(
        lambda status, _: 'offers less' not in status.message, 'the end of the warning'
    )
    tester.next_tracks(3)


def test_of_two_publishers_the_one_whose_clock_is_behind_is_named(new_camera, tester):
    new_camera(rate=15.0)
    behind = new_camera(rate=15.0)
    behind.offset = -300_000_000
    tester.diagnosed(
        lambda status, _: (
            '2 publishers on /image have different clocks (/camera)' in status.message
        ),
        'a warning of two clocks',
    )


def test_a_clock_that_is_set_back_by_less_than_a_second_stops_nothing(new_camera, tester):
    camera = new_camera(rate=20.0)
    tester.next_tracks(3)
    _, values = tester.diagnosed(lambda _, values: 'clock jumps' in values, 'diagnostics')
    jumps, heard = int(values['clock jumps']), len(tester.diagnostics)
    set_back = -math.inf

    def told() -> bool:
        nonlocal set_back
        # Once is not enough on a loaded machine: 0.9 s later the images are newer again.
        if time.monotonic() - set_back > 1.0:
            camera.offset -= 900_000_000
            set_back = time.monotonic()
        return any(
            'stamps have jumped back' in status.message
            and int({each.key: each.value for each in status.values}['clock jumps']) > jumps
            for message in tester.diagnostics[heard:]
            for status in message.status[:1]
        )

    wait_until(told, 'a warning of a jump', 60.0)
    sent, tracked = len(camera.headers), len(tester.tracks)

    def goes_on() -> bool:
        since = [header.stamp for header in camera.headers[sent:]]
        return any(tracks.header.stamp in since for tracks in tester.tracks[tracked:])

    wait_until(goes_on, 'tracks of images after the jump', 60.0)


# The last test: a publisher that was killed is missed only when its lease ends.
def test_a_camera_that_is_killed_and_started_again_is_seen_again(graph, tester):
    first = graph.run([sys.executable, '-c', CAMERA, 'first'])
    graph.wait_until(
        lambda: tester.next_tracks()[0].header.frame_id == 'first', 'images of the first camera'
    )
    assert tester.add_box().success
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = graph.run([sys.executable, '-c', CAMERA, 'second'])
    graph.wait_until(
        lambda: tester.next_tracks()[0].header.frame_id == 'second', 'images of the second camera'
    )
    assert [track.object_id for track in tester.next_tracks()[0].tracks] == [1]
    second.end(signal.SIGKILL)
