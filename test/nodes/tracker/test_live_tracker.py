# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts on earlier images, and what they leave untouched; with a small random network."""

from dataclasses import replace

import numpy as np
import pytest
from std_msgs.msg import Header
import torch

from sam_tracker.core.prompt import PromptError
from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImageBox, ImagePoint, Prompt
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.nodes.tracker.live_tracker import LiveTracker, warm_up
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.images.conversion import ImageError, image_message
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

WIDTH, HEIGHT = 96, 64
ALL = 1000


@pytest.fixture(scope='module')
def network() -> Sam2Network:
    torch.manual_seed(2)
    torch.set_num_threads(1)
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


def live(network: Sam2Network) -> LiveTracker:
    settings = TrackerSettings(exclusive=False)
    return LiveTracker(Tracker(network, settings), ImageBuffer(100.0, 100))


def box(x_min: float = 20.0, frame: ReceivedImage | None = None, object_id: int = 0) -> Prompt:
    header = Header() if frame is None else frame.message.header
    given = ImageBox(x_min=x_min, y_min=10.0, x_max=x_min + 30, y_max=50.0)
    return Prompt(header=header, box=given, object_id=object_id)


def feed(tracker: LiveTracker, images: list[ReceivedImage]) -> None:
    for frame in images:
        tracker._buffer.add(frame)
        tracker.step(frame)


def prompt(tracker: LiveTracker, message: Prompt, catch_up_frames: int = ALL):
    frame = tracker._buffer.requested(message.header)
    return tracker.prompt(message, frame, catch_up_frames)


def test_an_object_prompted_late_is_where_it_would_be_had_it_been_prompted_in_time(network):
    images = frames(7)
    in_time, late = live(network), live(network)
    feed(in_time, images[:3])
    prompt(in_time, box())
    feed(in_time, images[3:])
    feed(late, images)
    answer = prompt(late, box(frame=images[2]))
    assert answer.tracked.frame is images[-1]
    assert answer.prompted_stamp == images[2].stamp
    (expected,) = in_time.newest.tracks
    torch.testing.assert_close(answer.track.logits, expected.logits)
    assert answer.track.stamp == expected.stamp == images[-1].stamp
    assert answer.track.confidence == pytest.approx(expected.confidence, abs=1e-4)


def test_other_objects_do_not_feel_a_late_prompt(network):
    images = frames(8)
    alone, shared = live(network), live(network)
    for tracker in (alone, shared):
        feed(tracker, images[:1])
        prompt(tracker, box())
        feed(tracker, images[1:6])
    prompt(shared, box(x_min=50.0, frame=images[2]))
    for tracker in (alone, shared):
        feed(tracker, images[6:])
    torch.testing.assert_close(shared.newest.tracks[0].logits, alone.newest.tracks[0].logits)
    assert [track.object_id for track in shared.newest.tracks] == [1, 2]


def test_catching_up_by_fewer_images_still_ends_on_the_newest(network):
    images = frames(9)
    tracker = live(network)
    feed(tracker, images)
    answer = prompt(tracker, box(frame=images[0]), catch_up_frames=2)
    assert answer.track.stamp == images[-1].stamp
    assert answer.tracked is tracker.newest


def test_a_refused_prompt_leaves_everything_as_it_was(network):
    images = frames(3)
    tracker = live(network)
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


def test_a_refinement_keeps_the_id_and_a_label_is_kept_until_another_is_given(network):
    tracker = live(network)
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


def test_an_unreadable_image_in_between_is_passed_over(network):
    images = frames(6)
    images[3].message.encoding = 'nonsense'
    tracker = live(network)
    feed(tracker, images[:3])
    tracker._buffer.add(images[3])
    with pytest.raises(ImageError, match='nonsense'):
        tracker.step(images[3])
    assert tracker.newest.frame is images[2]
    feed(tracker, images[4:])
    assert prompt(tracker, box(frame=images[1])).track.stamp == images[-1].stamp
    with pytest.raises(ImageError, match='nonsense'):
        prompt(tracker, box(frame=images[3]))


def test_images_may_change_their_size(network):
    tracker = live(network)
    feed(tracker, frames(2))
    prompt(tracker, box())
    wider = [
        replace(each, stamp=each.stamp + SECOND) for each in frames(2, 2 * WIDTH, HEIGHT + 10)
    ]
    feed(tracker, wider)
    (track,) = tracker.newest.tracks
    assert track.image_size == (2 * WIDTH, HEIGHT + 10)
    assert track.mask.shape == (HEIGHT + 10, 2 * WIDTH)


def test_objects_are_kept_when_time_begins_anew(network):
    tracker = live(network)
    images = frames(4)
    feed(tracker, images[2:])
    prompt(tracker, box())
    again = replace(images[0], epoch=1)
    assert again.is_after(tracker.newest.frame)
    tracker._buffer.clear()
    feed(tracker, [again])
    assert [track.object_id for track in tracker.newest.tracks] == [1]
    assert prompt(tracker, box(x_min=40.0, frame=again)).track.object_id == 2


def test_forgetting_one_and_all(network):
    tracker = live(network)
    feed(tracker, frames(1))
    for x_min in (10.0, 30.0, 50.0):
        prompt(tracker, box(x_min))
    tracker.remove(2)
    assert [track.object_id for track in tracker.newest.tracks] == [1, 3]
    with pytest.raises(PromptError, match='no object 2; the objects are: 1, 3'):
        tracker.remove(2)
    assert tracker.reset() == 2
    assert tracker.newest.tracks == []
    assert prompt(tracker, box()).track.object_id == 1


def test_warming_up_leaves_nothing_behind(network):
    tracker = Tracker(network)
    warm_up(tracker, WIDTH, HEIGHT)
    assert tracker.objects == []
    images = frames(1)
    fresh = LiveTracker(tracker, ImageBuffer(1.0, 1))
    feed(fresh, images)
    assert prompt(fresh, box()).track.object_id == 1
