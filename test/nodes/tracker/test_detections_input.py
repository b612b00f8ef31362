# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Detections that come in: what a tracker node does with them, on real images over real DDS."""

from dataclasses import replace
from functools import partial
import sys
import threading

import numpy as np
import pytest
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
import torch

from sam_tracker.association.detections import Detections
from sam_tracker.core.time import SECOND
from sam_tracker.msg import Track
from sam_tracker.nodes.tracker import detections_input
from sam_tracker.nodes.tracker.detections_input import AHEAD, LOOK_PERIOD, DetectionsInput
from sam_tracker.nodes.tracker.tracked_image import TrackedImage
from sam_tracker.nodes.tracker.tracker_node import TrackerNode
from sam_tracker.ros.camera.image_buffer import STAMP_TOLERANCE
from sam_tracker.ros.messages import detections as messages
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.ros.process.run_node import spin
from sam_tracker.ros.process.tolerant_executor import TolerantExecutor
from sam_tracker.tracking.track import TrackState

from ...conftest import PATIENCE, wait_until

wait = partial(wait_until, patience=2 * PATIENCE)

BOX = (40.0, 30.0, 90.0, 80.0)
NAMESPACE = '/robot'


@pytest.fixture(scope='module')
def tracker(graph, random_setup):
    """A node of this process, so that detections can be handed to it without vision_msgs."""
    node = TrackerNode(
        setup=random_setup,
        namespace=NAMESPACE,
        context=graph.context,
        parameter_overrides=[
            Parameter('detections.new_objects', value=True),
            Parameter('detections.maximum_objects', value=1),
            # The random network answers all prompts with much the same mask.
            Parameter('resolve_overlaps', value=False),
        ],
    )
    executor = TolerantExecutor(num_threads=4, context=graph.context)
    executor.add_node(node)
    thread = threading.Thread(target=spin, args=(executor, node.errors, ()), daemon=True)
    thread.start()
    yield node
    executor.shutdown()
    thread.join(10.0)
    node.destroy_node()


@pytest.fixture
def tester(tracker, new_tester, new_camera):
    """A tester that sees tracks of a camera; the node tracks nothing."""
    tester = new_tester(namespace=NAMESPACE)
    tester.wait_until_active()
    new_camera(namespace=NAMESPACE, rate=10.0)
    tester.next_tracks()
    tester.call('reset')
    return tester


def found(*boxes, label='mug', score=0.9) -> Detections:
    array = np.array(boxes, np.float64).reshape(-1, 4)
    return Detections(array, np.full(len(array), score), (label,) * len(array))


def detect_until(tester, send, condition, what):
    """Send a message about every tracked image, as a detector does, until a condition is met."""
    sent = len(tester.tracks)

    def met():
        nonlocal sent
        for tracks in tester.tracks[sent:]:
            sent += 1
            send(tracks.header)
        return condition()

    return wait(met, what)


def counted(tracker, name) -> int:
    return int(tracker.detections_input.report.values().get(f'detections: {name}', '0'))


def labels(tester) -> list[str]:
    return [track.label for track in tester.tracks[-1].tracks]


def test_what_is_detected_again_and_again_is_tracked_within_the_bound(tracker, tester):
    other = (100.0, 60.0, 150.0, 110.0)

    def send(header):
        tracker.detections_input.receive(header, found(BOX, other), [])

    detect_until(tester, send, lambda: labels(tester) == ['mug'], 'an object')
    before = int(tracker.detections_input.report.values()['detections: used'])

    def used_more():
        return int(tracker.detections_input.report.values()['detections: used']) > before + 8

    detect_until(tester, send, used_more, 'more messages')
    assert labels(tester) == ['mug']
    _, values = tester.diagnosed(
        lambda _, values: values.get('detections: new objects') == '1', 'the count of new objects'
    )
    assert int(values['detections: messages']) >= before


def test_a_message_about_an_image_that_is_not_tracked_yet_waits_for_it(tracker, tester):
    def send(header):
        tracker.detections_input.receive(header, found(), [])

    used = counted(tracker, 'used')
    detect_until(tester, send, lambda: counted(tracker, 'used') > used, 'the use of a message')

    def all_decided():
        used, unused = counted(tracker, 'used'), counted(tracker, 'messages not used')
        return used + unused == counted(tracker, 'messages')

    def used_after_its_image():
        # Of what is sent before, nothing waits any more.
        wait(all_decided, 'the end of all messages')
        before = counted(tracker, 'used')
        stamp = nanoseconds(tester.tracks[-1].header.stamp) + SECOND // 2
        send(Header(frame_id='camera', stamp=time_message(stamp)))
        wait(all_decided, 'the end of the message')
        if counted(tracker, 'used') == before:
            # On a loaded machine there may be no image close to that stamp.
            return False
        assert tracker.session.newest.image.stamp >= stamp - STAMP_TOLERANCE
        return True

    wait(used_after_its_image, 'the use of a message about an image to come')


@pytest.mark.parametrize(
    ('stamp', 'problems', 'reason'),
    [
        (0, [], 'the header has no stamp'),
        (5 * SECOND, [], 'no image close to stamp 5.000000000 was tracked'),
        (None, ['detection 3: the score 7 is not from 0 to 1'], 'detection 3: the score 7 is not'),
    ],
)
def test_what_cannot_be_used_is_named_in_diagnostics(tracker, tester, stamp, problems, reason):
    def send(header):
        if stamp is not None:
            header = Header(frame_id='camera', stamp=time_message(stamp))
        tracker.detections_input.receive(header, found(), problems)

    before = len(tester.diagnostics)

    def warnings():
        statuses = [message.status[0] for message in tester.diagnostics[before:]]
        return [each for each in statuses if f'detections: {reason}' in each.message]

    status = detect_until(tester, send, warnings, 'a warning')[0]
    values = {each.key: each.value for each in status.values}
    assert reason in values['detections: last trouble']
    assert status.level == status.WARN


def test_a_detector_whose_clock_is_ahead_is_named_in_diagnostics(tracker, tester):
    def send(header):
        stamp = time_message(tracker.session.newest.image.stamp + AHEAD + SECOND)
        tracker.detections_input.receive(header, found(), [])
        tracker.detections_input.receive(Header(frame_id='camera', stamp=stamp), found(), [])

    def complaint():
        return tracker.detections_input.report.values().get('detections: last trouble', '')

    detect_until(tester, send, lambda: 's after the newest' in complaint(), 'a complaint')
    assert 'do both have the same clock?' in complaint()


def test_detections_of_another_coordinate_frame_prompt_nothing(tracker, tester):
    def send(header):
        tracker.detections_input.receive(
            Header(frame_id='other', stamp=header.stamp), found(BOX), []
        )

    def refused():
        return int(
            tracker.detections_input.report.values().get('detections: prompts refused', '0')
        )

    before = refused()
    detect_until(tester, send, lambda: refused() > before, 'a refusal')
    report = tracker.detections_input.report.values()
    assert "images in frame 'other'" in report['detections: last trouble']
    assert labels(tester) == []


def test_parameters_of_detections_change_at_any_time(tracker, tester):
    assert tester.set('detections.minimum_score', 0.95).successful
    report = tracker.detections_input.report.values

    def send(header):
        tracker.detections_input.receive(header, found(BOX), [])

    before = int(report().get('detections: ignored', '0'))
    detect_until(
        tester, send, lambda: int(report()['detections: ignored']) > before + 5, 'ignored'
    )
    assert labels(tester) == []
    assert tester.set('detections.minimum_score', 0.5).successful


def another_input(tracker, tester) -> DetectionsInput:
    """Return one beside that of the tracker node, which observes what the test gives it."""
    return DetectionsInput(
        tester.node, tracker.running_session, lambda: tracker.settings, lambda _: False
    )


def test_the_solver_is_loaded_before_the_first_message(tracker, tester, monkeypatch):
    if not messages.INSTALLED:
        # Any type of message will do where nothing is received.
        monkeypatch.setattr(messages, 'INSTALLED', True)
        monkeypatch.setattr(messages, 'Detection2DArray', Header, raising=False)
    monkeypatch.delitem(sys.modules, 'scipy.optimize', raising=False)
    another_input(tracker, tester)
    assert 'scipy.optimize' in sys.modules


@pytest.mark.parametrize('confidence', [0.1, 0.9])
def test_the_colours_of_an_object_are_sampled_now_and_then_however_surely_it_is_seen(
    tracker, tester, monkeypatch, confidence
):
    tester.add_box(*BOX)
    tracked = tracker.session.newest
    (track,) = tracked.tracks
    pixels = tracked.image.rgb().copy()
    sampled = []

    def of_mask(image, *mask):
        if image is pixels:
            sampled.append(image)
        return np.full(64, 1 / 64)

    # The tracker node samples its images at the same time.
    monkeypatch.setattr(detections_input, 'of_mask', of_mask)
    start = tracked.image.stamp
    # Observed are the images from the first message on, which waits for an image to come.
    given = another_input(tracker, tester)
    given.receive(Header(stamp=time_message(start + 9 * SECOND)), found(), [])
    for number in range(31):
        stamp = start + number * LOOK_PERIOD // 10
        seen = replace(track, stamp=stamp, state=TrackState.TRACKED, confidence=confidence)
        observed = TrackedImage(replace(tracked.image, stamp=stamp), (seen,))
        observed.__dict__['pixels'] = pixels
        given.observe(observed)
    assert len(sampled) == 4


@pytest.fixture
def hidden(tracker, monkeypatch):
    """
    An event: while it is set, the network sees no object, until it is prompted.

    The network of these tests is random, and would hold every object for present.
    """
    network = tracker.session.setup.network
    encode_prompts, decode = network.encode_prompts, network.decode
    hidden = threading.Event()

    def encode(points, labels, *rest):
        if points.shape[1]:
            hidden.clear()
        return encode_prompts(points, labels, *rest)

    def answer(*arguments, **options):
        answered = decode(*arguments, **options)
        if not hidden.is_set():
            return answered
        return replace(answered, object_logit=torch.full_like(answered.object_logit, -9.0))

    monkeypatch.setattr(network, 'encode_prompts', encode)
    monkeypatch.setattr(network, 'decode', answer)
    return hidden


def test_a_lost_object_that_is_detected_again_is_tracked_again_under_its_id(
    tracker, tester, hidden
):
    assert tester.set('detections.new_objects', False).successful
    assert tester.set('lost_after', 0.2).successful
    # The masks of the random network are no sign of the colours there.
    assert tester.set('detections.similarity', 0.1).successful
    object_id = tester.add_box(*BOX, label='mug').track.object_id

    def state():
        tracks = tester.tracks[-1].tracks
        return tracks[0].state if tracks else None

    def send(header):
        tracker.detections_input.receive(header, found(BOX), [])

    seen_often = len(tester.tracks) + 5
    detect_until(tester, send, lambda: len(tester.tracks) > seen_often, 'detections of it')
    hidden.set()
    wait(lambda: state() == Track.STATE_LOST, 'the loss')
    detect_until(tester, send, lambda: state() == Track.STATE_TRACKED, 'the return')
    assert [track.object_id for track in tester.tracks[-1].tracks] == [object_id]
    wait(lambda: counted(tracker, 'found again') == 1, 'the count of objects found again')
    assert tester.set('detections.new_objects', True).successful
    assert tester.set('lost_after', 2.0).successful
    assert tester.set('detections.similarity', 0.7).successful


@pytest.mark.parametrize('refined', [True, False])
def test_an_object_of_a_detector_expires_unless_somebody_has_refined_it(
    tracker, tester, hidden, refined
):
    assert tester.set('detections.forget_after', 0.5).successful
    assert tester.set('lost_after', 0.1).successful
    boxes = [BOX]

    def send(header):
        tracker.detections_input.receive(header, found(*boxes), [])

    detect_until(tester, send, lambda: labels(tester) == ['mug'], 'an object')
    object_id = tester.tracks[-1].tracks[0].object_id
    if refined:
        assert tester.add_box(*BOX, object_id=object_id).success
    hidden.set()
    boxes.clear()
    used, expired = counted(tracker, 'used'), counted(tracker, 'expired')

    def decided():
        if refined:
            # Long after it would have expired: cameras send ten images a second.
            return counted(tracker, 'used') >= used + 20
        return labels(tester) == []

    detect_until(tester, send, decided, 'the end of the object, or many messages')
    wait(lambda: counted(tracker, 'expired') == expired + (not refined), 'the count')
    assert labels(tester) == (['mug'] if refined else [])
    assert tester.set('detections.forget_after', 5.0).successful
    assert tester.set('lost_after', 2.0).successful


def test_of_a_thousand_detections_the_best_are_used_and_diagnostics_say_so(tracker, tester):
    assert tester.set('detections.new_objects', False).successful
    corners = np.random.default_rng(1).uniform(0, 100, (1000, 2))

    def send(header):
        tracker.detections_input.receive(
            header, found(*np.concatenate((corners, corners + 20), axis=1)), []
        )

    def complaint():
        return tracker.detections_input.report.values().get('detections: last trouble', '')

    before = counted(tracker, 'ignored')
    detect_until(tester, send, lambda: 'the best 100 are used' in complaint(), 'the warning')
    assert complaint().startswith('1000 good detections in one message')
    assert counted(tracker, 'ignored') >= before + 900
    assert tester.set('detections.new_objects', True).successful


@pytest.mark.skipif(not messages.INSTALLED, reason='vision_msgs is not installed')
def test_of_thousands_of_detections_on_the_topic_the_first_thousand_are_read(tracker, tester):
    detector = tester.node.create_publisher(
        messages.Detection2DArray, f'{tester.name}/detections_in', QoSProfile(depth=1)
    )
    # Invalid all of them, so that each that is read is counted.
    many = [messages.Detection2D() for _ in range(3000)]
    before = counted(tracker, 'invalid'), counted(tracker, 'ignored')

    def send(header):
        detector.publish(messages.Detection2DArray(header=header, detections=many))

    def read():
        return counted(tracker, 'invalid') > before[0]

    detect_until(tester, send, read, 'the reading of a message')

    def all_counted():
        invalid, ignored = counted(tracker, 'invalid'), counted(tracker, 'ignored')
        return 2 * (invalid - before[0]) == ignored - before[1]

    wait(all_counted, 'the count of those that are not read')
    assert (counted(tracker, 'invalid') - before[0]) % 1000 == 0
    status, _ = tester.diagnosed(
        lambda status, _: 'detections: ' in status.message, 'the warning in diagnostics'
    )
    assert status.level == status.WARN


@pytest.mark.skipif(not messages.INSTALLED, reason='vision_msgs is not installed')
def test_a_detector_of_vision_msgs_is_heard_and_answered_with_ids(tracker, tester):
    detector = tester.node.create_publisher(
        messages.Detection2DArray, f'{tester.name}/detections_in', QoSProfile(depth=10)
    )
    answers: list = []
    tester.listen(messages.Detection2DArray, 'detections', answers)

    def send(header):
        detection = messages.Detection2D(header=header)
        detection.bbox.center.position.x, detection.bbox.center.position.y = 65.0, 55.0
        detection.bbox.size_x, detection.bbox.size_y = 50.0, 50.0
        hypothesis = messages.ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = 'cup', 0.9
        detection.results = [hypothesis]
        detector.publish(messages.Detection2DArray(header=header, detections=[detection]))

    detect_until(tester, send, lambda: labels(tester) == ['cup'], 'an object')
    object_id = tester.tracks[-1].tracks[0].object_id

    def answered():
        return [each for array in answers for each in array.detections if each.id]

    heard = wait(answered, 'detections with ids')
    assert {each.id for each in heard} == {str(object_id)}
    assert heard[-1].results[0].hypothesis.class_id == 'cup'
