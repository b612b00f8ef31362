# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker makes of a network's answers, which are written down beforehand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame, FrameError
from sam_tracker.core.object_ids import LARGEST_ID, next_object_id
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.tracking.track import TrackState

from .discs import (
    BOX,
    CLICK,
    HEIGHT,
    IMAGE,
    PERIOD,
    SETTINGS,
    WIDTH,
    apart,
    at,
    run,
    walking,
)

# --- frames ---


def test_a_frame_is_encoded_once_for_all_objects_and_prompts(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), CLICK)
    assert network.frame == 0
    assert [track.stamp for track in tracker.step(at(0))] == [0, 0]
    assert network.frame == 0
    tracker.step(at(PERIOD))
    tracker.add_prompt(at(PERIOD), BOX)
    tracker.add_prompt(at(PERIOD), CLICK, object_id=1)
    assert network.frame == 1


def test_without_objects_no_frame_is_encoded(playing):
    tracker, network = playing(apart)
    assert run(tracker, 3) == [[], [], []]
    assert network.frame == -1
    tracker.add_prompt(at(3 * PERIOD), BOX)
    assert network.frame == 0


def test_objects_of_equal_age_are_decoded_in_one_batch(playing):
    tracker, network = playing(apart)
    for _ in range(3):
        tracker.add_prompt(at(0), BOX)
    run(tracker, 2)
    assert network.batches == [3, 3]
    tracker.add_prompt(at(2 * PERIOD), BOX)
    run(tracker, 30, first=3)
    assert network.batches[2:4] == [3, 1]
    assert network.batches[-1] == 4


def test_a_prompt_on_a_newer_frame_lets_the_others_follow(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 2)
    added = tracker.add_prompt(at(3 * PERIOD), BOX)
    assert [track.stamp for track in tracker.objects] == [2 * PERIOD, 3 * PERIOD]
    first, second = tracker.step(at(3 * PERIOD))
    assert first.stamp == 3 * PERIOD
    assert second is added
    assert network.frame == 3


@pytest.mark.parametrize(
    ('frame', 'value'),
    [
        (np.zeros((4, 4), np.uint8), '[4, 4]'),
        (np.zeros((4, 4, 4), np.uint8), '[4, 4, 4]'),
        (np.zeros((0, 4, 3), np.uint8), '[0, 4, 3]'),
        (np.zeros((4, 4, 3), np.float32), 'float32'),
        (torch.zeros((4, 4, 3)), 'float32'),
        ([[1, 2, 3]], 'list'),
    ],
)
def test_what_is_no_image_is_refused_by_its_shape_and_type(playing, frame, value):
    tracker, _ = playing(apart)
    with pytest.raises(FrameError) as caught:
        tracker.step(Frame(frame, 0))
    assert value in str(caught.value)
    with pytest.raises(FrameError):
        tracker.add_prompt(Frame(frame, 0), BOX)


@pytest.mark.parametrize('stamp', [0.5, '7', None, True, 2**63])
def test_a_stamp_that_is_no_count_of_nanoseconds_is_refused_by_value(playing, stamp):
    tracker, _ = playing(apart)
    with pytest.raises(FrameError, match=str(stamp).replace('.', r'\.')):
        tracker.step(at(stamp))


def test_a_stamp_names_one_frame(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(7), BOX)
    tracker.step(at(7))
    with pytest.raises(FrameError, match='stamp 7 '):
        tracker.step(at(7))
    with pytest.raises(FrameError, match='320x160 pixels, not one of 5x5'):
        tracker.add_prompt(Frame(np.zeros((5, 5, 3), np.uint8), 7), Prompt(box=[0, 0, 2, 2]))


def test_views_that_torch_cannot_take_are_taken(playing, recwarn):
    tracker, _ = playing(apart)
    frozen = IMAGE.copy()
    frozen.flags.writeable = False
    tracker.add_prompt(Frame(frozen, 0), BOX)
    tracker.step(Frame(frozen[:, :, ::-1], PERIOD))
    tracker.step(Frame(torch.from_numpy(IMAGE), 2 * PERIOD))
    assert not recwarn.list


def test_a_frame_of_another_size_keeps_the_object_and_its_place_in_the_image(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    (small,) = run(tracker, 20)[-1]
    (large,) = tracker.step(Frame(np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8), 21 * PERIOD))
    assert large.mask.shape == (2 * HEIGHT, 2 * WIDTH)
    np.testing.assert_allclose(large.box, 2 * small.box, atol=2)
    np.testing.assert_allclose(large.predicted_box, 2 * small.predicted_box, atol=1)
    assert large.motion_score > 0.9
    (square,) = tracker.step(Frame(np.zeros((WIDTH, WIDTH, 3), np.uint8), 22 * PERIOD))
    assert square.state is TrackState.TRACKED
    assert square.predicted_box is None, 'the motion of other proportions was kept'


# --- objects ---


def test_ids_count_up_and_are_not_used_again_at_once(playing):
    tracker, _ = playing(apart)
    assert [tracker.add_prompt(at(0), BOX).object_id for _ in range(3)] == [1, 2, 3]
    tracker.remove(2)
    assert [track.object_id for track in tracker.objects] == [1, 3]
    assert tracker.add_prompt(at(0), BOX).object_id == 4


def test_ids_come_round_and_leave_out_the_living():
    assert next_object_id(0, {}) == 1
    assert next_object_id(LARGEST_ID, {1, 2}) == 3
    assert next_object_id(LARGEST_ID - 1, {LARGEST_ID}) == 1


def test_a_new_object_does_not_read_what_a_removed_one_left(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 20)
    tracker.remove(1)
    tracker.add_prompt(at(20 * PERIOD), BOX)
    size = tracker.memory_bytes
    # The network itself checks whose memories it is given.
    run(tracker, 3, first=21)
    assert network.readings[23, 2].frames == [20, 22]
    assert tracker.memory_bytes == size


def test_removing_an_unknown_object_names_it_and_those_there_are(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    with pytest.raises(PromptError, match='no object 9; the objects are: 1'):
        tracker.remove(9)
    with pytest.raises(PromptError, match='no object 9'):
        tracker.add_prompt(at(0), BOX, object_id=9)


def test_one_object_too_many_is_refused_with_the_limit(playing):
    tracker, _ = playing(apart, replace(SETTINGS, maximum_objects=2))
    tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), BOX)
    with pytest.raises(PromptError, match='2 objects are tracked, and maximum_objects is 2'):
        tracker.add_prompt(at(0), BOX)
    tracker.add_prompt(at(0), Prompt(box=[0, 0, WIDTH, HEIGHT]), object_id=2)


def test_a_refused_prompt_changes_nothing(playing):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX, label='mug')
    (before,) = run(tracker, 2)[-1]
    for prompt, options in [
        (Prompt(box=[10, 10, 10, 60]), {'object_id': 1, 'label': 'cup'}),
        (Prompt(points=[[-1, 5]], labels=[1]), {}),
        (BOX, {'object_id': 1, 'label': 257 * 'x'}),
    ]:
        with pytest.raises(PromptError):
            tracker.add_prompt(at(5 * PERIOD), prompt, **options)
    assert tracker.objects == [before]
    assert network.frame == 2
    (after,) = tracker.step(at(3 * PERIOD))
    assert (after.label, after.object_id) == ('mug', 1)
    assert network.readings[3, 1].frames == [0, 2]


def out_of_order():
    yield at(4 * PERIOD)
    yield at(3 * PERIOD)


def unreadable():
    yield at(4 * PERIOD)
    raise OSError('the disk is gone')


@pytest.mark.parametrize('object_id', [None, 1])
@pytest.mark.parametrize(
    ('later', 'error'), [(out_of_order, FrameError), (unreadable, OSError)], ids=['order', 'read']
)
def test_a_prompt_whose_later_frames_fail_is_undone(playing, object_id, later, error):
    tracker, network = playing(apart)
    tracker.add_prompt(at(0), BOX, label='mug')
    (before,) = run(tracker, 5)[-1]
    frame = network.frame
    with pytest.raises(error):
        tracker.add_prompt(at(2 * PERIOD), BOX, object_id, label='cup', later=later())
    assert network.frame == frame + 2, 'the frame before the bad one was not tracked first'
    assert tracker.objects == [before]
    (after,) = tracker.step(at(6 * PERIOD))
    assert (after.label, after.object_id) == ('mug', 1)
    # What was stored of frames 0, 2 to 5 is still there and is read as if nothing had happened.
    assert network.readings[network.frame, 1].frames == [0, 2, 3, 4, 5]
    assert tracker.add_prompt(at(6 * PERIOD), BOX).object_id == 2


def test_later_frames_are_read_one_at_a_time(playing):
    tracker, network = playing(apart)
    run(tracker, 6)
    read = []

    def later():
        for number in (4, 5, 6):
            read.append(network.frame)
            yield at(number * PERIOD)

    tracker.add_prompt(at(3 * PERIOD), BOX, later=later())
    assert read == [0, 1, 2], 'a frame was read before the one ahead of it was tracked'


def test_a_label_stays_until_another_is_given(playing):
    tracker, _ = playing(apart)
    assert tracker.add_prompt(at(0), BOX, label='mug').label == 'mug'
    assert tracker.add_prompt(at(0), CLICK, object_id=1).label == 'mug'
    assert tracker.add_prompt(at(0), CLICK, object_id=1, label='cup').label == 'cup'
    assert run(tracker, 1)[0][0].label == 'cup'


def test_after_a_reset_there_is_nothing_left(playing):
    tracker, _ = playing(apart)
    tracker.add_prompt(at(0), BOX)
    run(tracker, 3)
    tracker.reset()
    assert tracker.objects == []
    assert tracker.step(at(3 * PERIOD)) == []
    assert tracker.add_prompt(at(3 * PERIOD), BOX).object_id == 1


# --- failures ---


@pytest.mark.parametrize(
    'method',
    ['encode_image', 'attend_to_memory', 'decode', 'object_pointer', 'encode_memory'],
)
@pytest.mark.parametrize('refining', [False, True])
def test_a_network_that_fails_leaves_the_tracker_as_it_was(playing, monkeypatch, method, refining):
    tracker, network = playing(walking)
    untouched, _ = playing(walking)
    for each in (tracker, untouched):
        each.add_prompt(at(0), BOX)
        run(each, 20)
    before = tracker.objects

    def fail(*_, **__):
        raise MemoryError('no memory left on the device')

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(network, method, fail)
        if refining:
            # The network sees the 22nd image, on which the disc is there.
            click = Prompt(points=[[140, 52]], labels=[1])
            tracker.add_prompt(at(10 * PERIOD), click, object_id=1, label='cup')
        else:
            tracker.step(at(21 * PERIOD))
    assert tracker.objects == before
    network.frame = 20
    network._decoded.clear()
    for number in range(21, 24):
        (track,), (expected,) = (each.step(at(number * PERIOD)) for each in (tracker, untouched))
        assert track.label == expected.label == ''
        np.testing.assert_array_equal(track.predicted_box, expected.predicted_box)
        assert track.motion_score == expected.motion_score
        frames = network.readings[number, 1].frames
        assert frames == [0, *range(number - 6, number)]


# --- other settings ---


def test_settings_that_change_hold_from_the_next_frame_on_and_objects_stay(playing):
    tracker, _ = playing(apart, scores=lambda frame, _: (0.9, 6.0 if frame < 3 else -6.0))
    tracker.add_prompt(at(0), BOX, label='box')
    (track,) = run(tracker, 4)[-1]
    assert track.state is TrackState.OCCLUDED
    tracker.change(replace(SETTINGS, lost_after=0))
    (track,) = tracker.step(at(5 * PERIOD))
    assert (track.state, track.object_id, track.label) == (TrackState.LOST, 1, 'box')
    tracker.change(replace(SETTINGS, lost_after=0, presence_logit=-10.0))
    (track,) = tracker.step(at(6 * PERIOD))
    assert track.state is TrackState.TRACKED


@pytest.mark.parametrize(
    'name,value',
    [('memory_rule', 'sam2'), ('motion_model', None), ('maximum_objects', 3), ('frame_period', 1)],
)
def test_settings_that_the_state_of_objects_depends_on_cannot_change(playing, name, value):
    tracker, _ = playing(apart)
    with pytest.raises(
        ValueError, match=f'{name} of a tracker cannot change from .* to .?{value}'
    ):
        tracker.change(replace(SETTINGS, **{name: value}))
    assert tracker.settings == SETTINGS
