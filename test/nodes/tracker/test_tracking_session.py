# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Images and prompts of a session, on the test's own thread; with a small random network.

Only the threads that publish run.
"""

from dataclasses import replace
import functools
from itertools import pairwise
import threading
import time

import numpy as np
import pytest
import rclpy
from rclpy.lifecycle import LifecyclePublisher
from std_msgs.msg import Header
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import PromptError
from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImageBox, ImagePoint, Prompt, TrackArray
from sam_tracker.networks.api import Memory, SuitedSettings
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.nodes.network_setup import NetworkSetup, warm_up
from sam_tracker.nodes.tracker import tracking_session
from sam_tracker.nodes.tracker.track_output import MOST_WAITING, TrackOutput
from sam_tracker.nodes.tracker.tracked_image import TrackedImage
from sam_tracker.nodes.tracker.tracking_session import TrackingSession
from sam_tracker.ros.camera.image_statistics import Drop
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.images.conversion import ImageError, image_message
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.ros.parameters.image import BufferParameters
from sam_tracker.ros.parameters.segmentation import TextParameters
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.process.managed_node import ManagedNode
from sam_tracker.tracking.tracker import Tracker

from ...conftest import unused_domain, wait_until

WIDTH, HEIGHT = 96, 64
ALL = 1000


@pytest.fixture(scope='module')
def network() -> Sam2Network:
    torch.manual_seed(2)
    small = replace(configuration_named('nano'), memory_attention_layers=1)
    network = Sam2Network(small).eval().requires_grad_(False)
    # A random network would hold nothing for present.
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    return network


def frames(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[ReceivedImage]:
    random = np.random.default_rng(1)
    made = []
    for index in range(count):
        stamp = SECOND + index * SECOND // 30
        header = Header(frame_id='camera', stamp=time_message(stamp))
        image = random.integers(0, 255, (height, width, 3), np.uint8)
        made.append(ReceivedImage(image_message(image, 'rgb8', header), stamp, 0))
    return made


@pytest.fixture(scope='module')
def node():
    with unused_domain() as domain:
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        node = ManagedNode('subject', context=context)
        node.trigger_configure()
        yield node
        node.destroy_node()
        rclpy.try_shutdown(context=context)


@pytest.fixture
def live(node, network):
    """Makes sessions whose publishing threads run."""
    sessions: list[TrackingSession] = []
    parameters = TrackerParameters(
        resolve_overlaps=False, buffer=BufferParameters(seconds=100.0, megabytes=100)
    )

    def make(network: Sam2Network = network) -> TrackingSession:
        setup = NetworkSetup(network, Runtime(torch.device('cpu')))
        sessions.append(TrackingSession(node, setup, parameters))
        sessions[-1].output.start()
        for publisher in node.publishers:
            # As the node does when it is activated.
            if isinstance(publisher, LifecyclePublisher):
                publisher.on_activate(None)
        return sessions[-1]

    yield make
    for session in sessions:
        session.close(10.0)


def box(x_min: float = 20.0, frame: ReceivedImage | None = None, object_id: int = 0) -> Prompt:
    header = Header() if frame is None else frame.message.header
    given = ImageBox(x_min=x_min, y_min=10.0, x_max=x_min + 30, y_max=50.0)
    return Prompt(header=header, box=given, object_id=object_id)


def feed(session: TrackingSession, images: list[ReceivedImage]) -> None:
    for image in images:
        session.buffer.add(image)
        session.step(image)


def prompt(session: TrackingSession, message: Prompt, catch_up_frames: int = ALL):
    return session.prompt(message, catch_up_frames)


def test_an_object_prompted_late_is_where_it_would_be_had_it_been_prompted_in_time(live):
    images = frames(7)
    in_time, late = live(), live()
    feed(in_time, images[:3])
    prompt(in_time, box())
    feed(in_time, images[3:])
    feed(late, images)
    answer = prompt(late, box(frame=images[2]))
    assert answer.tracked.image is images[-1]
    assert answer.prompted_stamp == images[2].stamp
    (expected,) = in_time.newest.tracks
    torch.testing.assert_close(answer.track.logits, expected.logits)
    assert answer.track.stamp == expected.stamp == images[-1].stamp
    assert answer.track.confidence == pytest.approx(expected.confidence, abs=1e-4)


def test_other_objects_do_not_feel_a_late_prompt(live):
    images = frames(8)
    alone, shared = live(), live()
    for tracker in (alone, shared):
        feed(tracker, images[:1])
        prompt(tracker, box())
        feed(tracker, images[1:6])
    prompt(shared, box(x_min=50.0, frame=images[2]))
    for tracker in (alone, shared):
        feed(tracker, images[6:])
    torch.testing.assert_close(shared.newest.tracks[0].logits, alone.newest.tracks[0].logits)
    assert [track.object_id for track in shared.newest.tracks] == [1, 2]


class Panning:
    """A camera that is known to turn by six pixels from image to image."""

    motion = np.array([[1, 0, -6], [0, 1, 0], [0, 0, 1.0]])

    def __init__(self):
        self.asked = []

    def between(self, previous, frame, objects):
        self.asked.append((previous.stamp, frame.stamp, len(objects)))
        return self.motion

    def close(self):
        self.asked = None


def test_the_tracker_is_told_how_the_camera_turned_since_the_image_before(live, monkeypatch):
    source, told, step = Panning(), [], Tracker.step
    monkeypatch.setattr(tracking_session, 'camera_motion_source', lambda *_: source)

    def listening(tracker: Tracker, frame: Frame):
        told.append(frame.camera_motion)
        return step(tracker, frame)

    session, images = live(), frames(4)
    monkeypatch.setattr(Tracker, 'step', listening)
    feed(session, images[:1])
    prompt(session, box())
    assert session.newest.tracks[0].network_box is not None
    feed(session, images[1:])
    stamps = [image.stamp for image in images]
    assert [asked[:2] for asked in source.asked] == list(pairwise(stamps))
    assert source.asked[0][2] == 1
    assert len(told) == 3
    for motion in told:
        np.testing.assert_array_equal(motion, Panning.motion)
    session.close(60.0)
    assert source.asked is None


def test_catching_up_by_fewer_images_still_ends_on_the_newest(live):
    images = frames(9)
    tracker = live()
    feed(tracker, images)
    answer = prompt(tracker, box(frame=images[0]), catch_up_frames=2)
    assert answer.track.stamp == images[-1].stamp
    assert answer.tracked is tracker.newest


def test_a_refused_prompt_leaves_everything_as_it_was(live):
    images = frames(3)
    tracker = live()
    feed(tracker, images)
    prompt(tracker, box())
    before = tracker.newest
    wrong = box()
    wrong.box.x_min, wrong.box.x_max = 1e6, 2e6
    with pytest.raises(PromptError, match='1e\\+06'):
        prompt(tracker, wrong)
    with pytest.raises(PromptError, match='no object 9; the objects are: 1'):
        prompt(tracker, box(object_id=9))
    with pytest.raises(PromptError, match='every point needs one label: 1 points'):
        prompt(tracker, Prompt(points=[ImagePoint(x=1.0, y=1.0)]))
    assert tracker.newest is before
    assert [track.object_id for track in tracker._tracker.objects] == [1]


def test_a_refinement_keeps_the_id_and_a_label_is_kept_until_another_is_given(live):
    tracker = live()
    images = frames(3)
    feed(tracker, images[:2])
    first = box()
    first.label = 'mug'
    assert prompt(tracker, first).track.label == 'mug'
    feed(tracker, images[2:])
    answer = prompt(tracker, box(x_min=25.0, object_id=1))
    assert (answer.track.object_id, answer.track.label) == (1, 'mug')
    renamed = box(object_id=1)
    renamed.label = 'cup'
    assert prompt(tracker, renamed).track.label == 'cup'
    assert [track.label for track in tracker.newest.tracks] == ['cup']


def test_an_unreadable_image_in_between_is_passed_over(live, monkeypatch):
    monkeypatch.setattr(TrackOutput, 'wanted', True)
    images = frames(6)
    images[3].message.encoding = 'nonsense'
    tracker = live()
    feed(tracker, images[:3])
    tracker.buffer.add(images[3])
    with pytest.raises(ImageError, match='nonsense'):
        tracker.step(images[3])
    assert tracker.newest.image is images[2]
    feed(tracker, images[4:])
    assert prompt(tracker, box(frame=images[1])).track.stamp == images[-1].stamp
    with pytest.raises(ImageError, match='nonsense'):
        prompt(tracker, box(frame=images[3]))


def test_images_may_change_their_size(live):
    tracker = live()
    feed(tracker, frames(2))
    prompt(tracker, box())
    wider = [
        replace(each, stamp=each.stamp + SECOND) for each in frames(2, 2 * WIDTH, HEIGHT + 10)
    ]
    feed(tracker, wider)
    (track,) = tracker.newest.tracks
    assert track.image_size == (2 * WIDTH, HEIGHT + 10)
    assert track.mask.shape == (HEIGHT + 10, 2 * WIDTH)


def test_objects_are_kept_when_time_begins_anew(live):
    tracker = live()
    images = frames(4)
    feed(tracker, images[2:])
    prompt(tracker, box())
    again = replace(images[0], epoch=1)
    assert again.is_after(tracker.newest.image)
    tracker.buffer.clear()
    feed(tracker, [again])
    assert [track.object_id for track in tracker.newest.tracks] == [1]
    assert prompt(tracker, box(x_min=40.0, frame=again)).track.object_id == 2


def test_a_prompt_is_followed_on_an_image_with_the_stamp_of_one_of_the_round_before(live):
    session = live()
    first, second = (each.message for each in frames(2))
    second.header.stamp.sec += 60
    for message in (second, first, second):
        image = session.intake.receive(message)
        session._process(image)
        answer = prompt(session, box())
        assert answer.tracked.image is image
    # The second round ends where the first one did, and nothing was processed in between.
    session.intake.receive(first)
    image = session.intake.receive(second)
    assert prompt(session, box()).tracked.image is image
    assert [track.object_id for track in session.newest.tracks] == [1, 2, 3, 4]


def test_forgetting_one_and_all(live):
    tracker = live()
    feed(tracker, frames(1))
    for x_min in (10.0, 30.0, 50.0):
        prompt(tracker, box(x_min))
    tracker.remove(2)
    assert [track.object_id for track in tracker.newest.tracks] == [1, 3]
    with pytest.raises(PromptError, match='no object 2; the objects are: 1, 3'):
        tracker.remove(2)
    assert tracker.reset() == 2
    assert tracker.newest.tracks == ()
    assert prompt(tracker, box()).track.object_id == 1


def test_warming_up_leaves_nothing_behind(network):
    tracker = Tracker(network)
    warm_up(tracker, NetworkSetup(network, Runtime(torch.device('cpu'))), WIDTH, HEIGHT)
    assert tracker.objects == []
    assert tracker.memory_bytes >= 0


def test_without_objects_and_subscribers_no_image_is_decoded(live, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        TrackedImage, 'pixels', property(lambda self: decoded.append(self.image) or pixels)
    )
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    tracker, images = live(), frames(3)
    for image in images[:2]:
        tracker.buffer.add(image)
        tracker._process(image)
    tracker.output.submit(lambda: None).result(90)
    assert decoded == []
    assert tracker.intake.statistics.report(time.monotonic_ns()).processed == 2
    assert prompt(tracker, box(frame=images[0])).track.object_id == 1
    assert decoded


def test_what_changes_the_objects_is_published_at_once(live, node):
    peer = rclpy.create_node('peer', context=node.context)
    heard: list[TrackArray] = []
    subscription = peer.create_subscription(TrackArray, '/subject/tracks', heard.append, 10)
    executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
    executor.add_node(peer)
    tracker, (image,) = live(), frames(1)
    wait_until(lambda: tracker.output.wanted, 'a subscription')
    tracker.buffer.add(image)
    tracker._process(image)

    def ids() -> list[list[int]]:
        executor.spin_once(timeout_sec=0.05)
        return [[each.object_id for each in message.tracks] for message in heard]

    prompt(tracker, box())
    prompt(tracker, box(40.0))
    tracker.remove(1)
    tracker.reset()
    wait_until(lambda: len(ids()) == 5, 'five messages')
    assert ids() == [[], [1], [1, 2], [2], []]
    assert {nanoseconds(message.header.stamp) for message in heard} == {image.stamp}
    report = tracker.intake.statistics.report(time.monotonic_ns())
    assert (report.processed, report.dropped) == (1, {})
    peer.destroy_subscription(subscription)
    executor.shutdown()
    peer.destroy_node()


def test_an_image_that_was_replaced_is_counted_once_when_a_prompt_is_made_on_it(live):
    tracker, images = live(), frames(2)
    feed(tracker, images[:1])
    tracker.buffer.add(images[1])
    statistics = tracker.intake.statistics
    statistics.drop(Drop.REPLACED, 0, images[1])
    prompt(tracker, box(frame=images[1]))
    tracker.output.submit(lambda: None).result(90)
    report = statistics.report(time.monotonic_ns())
    assert (report.processed, report.dropped) == (1, {})


def test_the_tracker_waits_for_the_publisher_rather_than_losing_tracks(live):
    tracker, images = live(), frames(MOST_WAITING + 2)
    go_on, last = threading.Event(), threading.Event()
    tracker.output.submit(lambda: go_on.wait(90))

    def publish() -> None:
        for image in images:
            tracker.buffer.add(image)
            tracker._process(image)
        last.set()

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    wait_until(lambda: tracker.newest and tracker.newest.image is images[MOST_WAITING], 'a wait')
    assert not last.is_set()
    go_on.set()
    assert last.wait(90)
    thread.join()
    tracker.output.submit(lambda: None).result(90)
    assert tracker.intake.statistics.report(time.monotonic_ns()).processed == len(images)


class Watched(Sam2Network):
    """Counts the memories that each decoding reads; its thresholds may be changed."""

    thresholds = SuitedSettings(familiarity=-1.0, certain_familiarity=-1.0)

    def __init__(self, network: Sam2Network) -> None:
        super().__init__(network.configuration)
        self.load_state_dict(network.state_dict())
        self.eval().requires_grad_(False)
        self.read: list[int] = []

    @property
    def suited_settings(self) -> SuitedSettings:
        return self.thresholds

    def attend_to_memory(self, embedding: torch.Tensor, memory: Memory) -> torch.Tensor:
        self.read.append(memory.tokens.shape[1])
        return super().attend_to_memory(embedding, memory)


def _stands_on(session: TrackingSession, stamp: int) -> bool:
    return session.newest is not None and session.newest.image.stamp == stamp


def track(session: TrackingSession, images: list[ReceivedImage]) -> None:
    for image in images:
        session.receive(image.message)
        reached = functools.partial(_stands_on, session, image.stamp)
        wait_until(reached, 'an image')


def doubting(session: TrackingSession, watched: Watched, images: list[ReceivedImage]) -> None:
    """Track an object whose masks are certain on all of some images and doubtful from then on."""
    session.start()
    track(session, images[:1])
    session.submit(lambda: session.prompt(box(), ALL)).result(90)
    track(session, images[1:])
    assert min(watched.read[-2:]) > 1
    watched.thresholds = SuitedSettings(familiarity=-1.0, certain_familiarity=1.0)
    session.change(TrackerParameters())


def test_a_doubtful_mask_is_verified_by_one_certain_image_after_its_own_was_tracked(live, network):
    watched = Watched(network)
    session, images = live(watched), frames(6)
    doubting(session, watched, images[:5])
    before = len(watched.read)
    track(session, images[5:])
    wait_until(lambda: len(watched.read) == before + 2, 'a verification')
    assert watched.read[before] > 1
    assert watched.read[before + 1] == 1


def test_a_verification_that_fails_costs_no_image(live, network, monkeypatch):
    watched = Watched(network)
    session, images = live(watched), frames(9)
    doubting(session, watched, images[:5])
    attend, failed = watched.attend_to_memory, threading.Event()

    def failing(embedding: torch.Tensor, memory: Memory) -> torch.Tensor:
        if memory.tokens.shape[1] == 1:
            failed.set()
            raise RuntimeError('out of memory')
        return attend(embedding, memory)

    monkeypatch.setattr(watched, 'attend_to_memory', failing)
    track(session, images[5:6])
    assert failed.wait(90)
    # Commands run between images, and so after the verification.
    assert session.submit(lambda: session.error).result(90) == ''
    track(session, images[6:])
    assert session.stop(90)
    assert session.error == ''
    report = session.intake.statistics.report(time.monotonic_ns())
    assert report.processed == len(images)
    assert Drop.FAILED not in report.dropped


def test_a_session_that_cannot_be_made_leaves_neither_threads_nor_publishers(
    node, network, monkeypatch
):
    monkeypatch.setattr('sam_tracker.ros.messages.detections.INSTALLED', True)
    monkeypatch.setattr(
        'sam_tracker.ros.messages.detections.Detection2DArray', None, raising=False
    )
    setup = NetworkSetup(network, Runtime(torch.device('cpu')))
    threads, topics = threading.active_count(), set(node.publishers)
    with pytest.raises(AttributeError, match='NoneType'):
        TrackingSession(node, setup, TrackerParameters(text=TextParameters(model='/a/folder')))
    assert threading.active_count() == threads
    assert set(node.publishers) == topics
