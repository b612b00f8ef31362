# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenting single images by the service of the tracker node, while it tracks."""

from collections.abc import Iterator
import signal

from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.msg import Mask, Prompt
from sam_tracker.ros.messages.stamps import nanoseconds, time_message

from ...conftest import PATIENCE, Program, wait_until
from ..conftest import HEIGHT, WIDTH, Tester
from .segmenting import (
    DISC_BOX,
    Client,
    PictureCamera,
    Request,
    box_prompt,
    corners,
    large_picture_message,
    overlap,
    picture_message,
    pixels,
    point_prompt,
)


@pytest.fixture(scope='module')
def tracker_program(graph) -> Program:
    """One tracker node with the bundled weights for all tests of this module."""
    return graph.start(
        'sam_tracker.nodes.tracker.tracker_node',
        device='cpu',
        precision='float32',
        cpu_threads=1,
        **{'everything.points_per_side': 6},
        **{'buffer.seconds': 60.0},
    )


@pytest.fixture(scope='module')
def client(graph, shared_tester) -> Iterator[Client]:
    client = Client(graph, 'sam_tracker')
    yield client
    client.close()


@pytest.fixture(scope='module')
def module_camera(graph) -> Iterator[PictureCamera]:
    camera = PictureCamera(graph, rate=12.0)
    yield camera
    camera.close()


@pytest.fixture
def camera(module_camera, tester) -> PictureCamera:
    """A camera whose images arrive."""
    tester.next_tracks()
    return module_camera


def test_an_image_in_the_request_is_answered_with_three_candidates_for_each_prompt(client):
    answer = client.segment(
        image=picture_message(stamp=time_message(5)),
        prompts=[point_prompt(), point_prompt(30, 45)],
        multiple_candidates=True,
    )
    assert answer.success, answer.message
    assert answer.header == Header(frame_id='photo', stamp=time_message(5))
    assert (answer.image_width, answer.image_height) == (WIDTH, HEIGHT)
    assert [each.prompt_index for each in answer.candidates] == [0, 0, 0, 1, 1, 1]
    scores = [each.predicted_iou for each in answer.candidates]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert scores[3:] == sorted(scores[3:], reverse=True)
    assert overlap(corners(answer.candidates[0].box), DISC_BOX) > 0.6
    for each in answer.candidates:
        assert each.area == np.count_nonzero(pixels(each.mask))
        assert 0 <= each.predicted_iou <= 1
        assert 0 <= each.stability_score <= 1


def test_the_single_best_candidate_is_given_unless_several_are_asked_for(client):
    prompts = [box_prompt(), point_prompt(30, 45)]
    answer = client.segment(image=picture_message(), prompts=prompts)
    assert answer.success, answer.message
    assert [each.prompt_index for each in answer.candidates] == [0, 1]
    assert overlap(corners(answer.candidates[0].box), DISC_BOX) > 0.7


def test_more_prompts_than_one_slice_are_answered_in_their_order(client):
    xs = np.linspace(20, 140, 40)
    answer = client.segment(
        image=picture_message(), prompts=[point_prompt(x, 60) for x in xs], max_candidates=0
    )
    assert answer.success, answer.message
    assert [each.prompt_index for each in answer.candidates] == list(range(40))


def test_the_most_candidates_to_answer_with_are_the_surest_ones(client):
    fields = {
        'image': picture_message(),
        'prompts': [point_prompt(), point_prompt(30, 45)],
        'multiple_candidates': True,
    }
    all_of_them = client.segment(**fields).candidates
    two = client.segment(**fields, max_candidates=2)
    assert two.message.startswith('2 of 6 candidates')
    surest = sorted((each.predicted_iou for each in all_of_them), reverse=True)[:2]
    given = sorted((each.predicted_iou for each in two.candidates), reverse=True)
    assert given == pytest.approx(surest, abs=1e-5)


def test_an_empty_image_means_the_newest_one_of_the_camera(client, camera, tester):
    before = nanoseconds(tester.tracks[-1].header.stamp)
    answer = client.segment(prompts=[box_prompt()])
    assert answer.success, answer.message
    assert answer.header in camera.headers
    assert nanoseconds(answer.header.stamp) >= before
    assert overlap(corners(answer.candidates[0].box), DISC_BOX) > 0.7


def test_a_stamp_means_that_very_image_of_the_camera(client, camera, tester):
    header = tester.tracks[-1].header
    tester.next_tracks(2)
    answer = client.segment(header=header, prompts=[box_prompt()])
    assert answer.success, answer.message
    assert answer.header == header


def test_tracking_goes_on_while_everything_is_looked_for(client, camera, tester):
    assert tester.call('add_prompt', prompt=box_prompt()).success
    assert client.set('everything.points_per_side', 24).successful
    try:
        tester.next_tracks()
        before = len(tester.tracks)
        answer = client.segment(mode=Request.MODE_EVERYTHING)
        meanwhile = tester.tracks[before:]
    finally:
        client.set('everything.points_per_side', 6)
    assert answer.success, answer.message
    # 576 points make 36 slices at least, and one of them at most comes between two images. So
    # there are as many tracks as images, or as slices where the machine is too slow for all.
    first, last = (nanoseconds(message.header.stamp) for message in (meanwhile[0], meanwhile[-1]))
    published = [each for each in camera.headers if first <= nanoseconds(each.stamp) <= last]
    assert len(meanwhile) >= max(2, min(len(published), 36) // 3), answer.message
    assert [track.object_id for track in meanwhile[-1].tracks] == tester.object_ids()


def test_everything_is_answered_best_first_with_the_points_that_found_it(client):
    answer = client.segment(image=picture_message(), mode=Request.MODE_EVERYTHING)
    assert answer.success, answer.message
    assert answer.candidates
    scores = [each.predicted_iou for each in answer.candidates]
    assert scores == sorted(scores, reverse=True)
    assert any(overlap(corners(each.box), DISC_BOX) > 0.6 for each in answer.candidates)
    for each in answer.candidates:
        assert 0 < each.point.x < WIDTH
        assert 0 < each.point.y < HEIGHT
    one = client.segment(image=picture_message(), mode=Request.MODE_EVERYTHING, max_candidates=1)
    assert len(one.candidates) == 1
    assert one.candidates[0].predicted_iou == pytest.approx(scores[0], abs=1e-5)


def test_a_candidate_is_promoted_to_a_tracked_object_by_one_call(client, camera, tester):
    found = client.segment(prompts=[point_prompt()], multiple_candidates=True)
    chosen = found.candidates[0]
    answer = tester.call(
        'add_prompt', prompt=Prompt(header=found.header, mask=chosen.mask, label='disc')
    )
    assert answer.success, answer.message
    assert answer.track.label == 'disc'
    assert overlap(corners(answer.track.box), corners(chosen.box)) > 0.7
    (track,) = tester.next_tracks(2)[-1].tracks
    assert overlap(corners(track.box), corners(chosen.box)) > 0.6


BAD_REQUESTS = {
    'mode': ({'mode': 7}, 'mode is 7'),
    'no prompts': ({}, 'no prompts'),
    'too many prompts': (
        {'prompts': [point_prompt()] * 257},
        '257 prompts; at most 256',
    ),
    'an empty prompt': ({'prompts': [point_prompt(), Prompt()]}, 'prompt 1: the prompt is empty'),
    'a point outside': (
        {'prompts': [point_prompt(x=1000.0)]},
        'prompt 0: point 0 at (1000, 60) lies outside the image of 160x120',
    ),
    'a box inside out': (
        {'prompts': [box_prompt(DISC_BOX[[2, 1, 0, 3]])]},
        'prompt 0: the box is turned inside out: [127, 34, 74, 87]',
    ),
    'data that do not fill the mask': (
        {'prompts': [Prompt(mask=Mask(data=[255]))]},
        'prompt 0: the mask has 1 bytes of data but its region is 0x0',
    ),
    'an empty text': ({'mode': Request.MODE_TEXT}, "the text '' names nothing"),
    'a text without a model': (
        {'mode': Request.MODE_TEXT, 'text': 'red mug'},
        'text.model is empty; it is the folder of',
    ),
    'an unknown encoding': ({'image': Image(height=2, width=2, encoding='rgb77')}, 'rgb77'),
    'missing data': (
        {'image': Image(height=2, width=2, encoding='rgb8', step=6, data=[0] * 7)},
        '7',
    ),
    'an image without rows': ({'image': Image(width=12)}, 'height 0, but width 12'),
    'another camera': (
        {'image': Image(), 'header': Header(frame_id='left'), 'prompts': [box_prompt()]},
        "in frame 'left', but the images are in 'camera'",
    ),
    'an image long gone': (
        {'image': Image(), 'header': Header(stamp=time_message(9_250_000_000))},
        '9.25',
    ),
}


@pytest.mark.parametrize(('request_fields', 'reason'), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_bad_request_is_answered_by_what_is_wrong_and_changes_nothing(
    client, camera, tester, request_fields, reason
):
    assert tester.call('add_prompt', prompt=box_prompt()).success
    objects = tester.object_ids()
    answer = client.segment(**{'image': picture_message(), **request_fields})
    assert not answer.success
    assert reason in answer.message
    assert not answer.candidates
    assert tester.object_ids() == objects
    tester.next_tracks()


def test_an_answer_whose_masks_are_too_large_is_refused_by_its_size(client):
    whole = np.array([0.0, 0.0, 400.0, 320.0])
    assert client.set('segmentation.maximum_megabytes', 1).successful
    try:
        fields = {'image': large_picture_message(), 'prompts': [box_prompt(whole)] * 40}
        refused = client.segment(**fields)
        two = client.segment(**fields, max_candidates=2)
    finally:
        assert client.set('segmentation.maximum_megabytes', 64).successful
    assert not refused.success
    assert 'may have 1 MB of masks (segmentation.maximum_megabytes)' in refused.message
    assert two.success, two.message
    assert two.message.startswith('2 of 40 candidates')


def test_more_prompts_than_the_parameter_allows_are_refused(client):
    assert client.set('segmentation.maximum_prompts', 2).successful
    try:
        answer = client.segment(image=picture_message(), prompts=[point_prompt()] * 3)
    finally:
        assert client.set('segmentation.maximum_prompts', 256).successful
    assert not answer.success
    assert 'has 3 prompts; at most 2 are allowed' in answer.message


@pytest.fixture
def long_work(client) -> Iterator[object]:
    """Everything is looked for by another client for as long as the test lasts."""
    assert client.set('everything.points_per_side', 256).successful
    assert client.set('segmentation.timeout', 600.0).successful
    yield lambda: client.begin(image=picture_message(), mode=Request.MODE_EVERYTHING)
    assert client.set('everything.points_per_side', 6).successful
    assert client.set('segmentation.timeout', 60.0).successful


def test_a_click_is_answered_while_another_client_asks_for_everything(
    client, graph, tester, long_work
):
    other = Client(graph, 'sam_tracker')
    everything = long_work()
    try:
        for _ in range(3):
            answer = other.segment(image=picture_message(), prompts=[point_prompt()])
            assert answer.success, answer.message
        assert client.set('segmentation.timeout', 0.5).successful
        second = other.segment(image=picture_message(), mode=Request.MODE_EVERYTHING)
        assert not second.success
        assert 'another request for everything is in progress' in second.message
        assert not everything.done()
    finally:
        other.close()
        # Deactivated, the node gives up what it is at, and says so.
        assert tester.change(Transition.TRANSITION_DEACTIVATE)
        wait_until(everything.done, 'an answer of segment_image')
        inactive = client.segment(image=picture_message(), prompts=[point_prompt()])
        assert tester.change(Transition.TRANSITION_ACTIVATE)
    assert not everything.result().success
    assert 'was stopped' in everything.result().message
    assert not inactive.success
    assert 'the node is inactive' in inactive.message


def test_a_request_that_takes_too_long_is_given_up_and_says_how_far_it_came(client, long_work):
    assert client.set('segmentation.timeout', 1.0).successful
    answer = long_work()
    wait_until(answer.done, 'an answer of segment_image')
    assert not answer.result().success
    assert 'not segmented within 1 s (segmentation.timeout): ' in answer.result().message
    assert 'of 65536 points are asked' in answer.result().message


def test_more_requests_than_are_worked_on_are_refused_at_once(client, long_work):
    assert client.set('segmentation.timeout', 6.0).successful
    answers = [long_work() for _ in range(6)]
    for answer in answers:
        wait_until(answer.done, 'an answer of segment_image')
    messages = [answer.result().message for answer in answers]
    assert sum('4 requests to segment are in progress' in message for message in messages) == 2


def test_two_clients_get_the_same_answer_as_one(client, graph):
    other = Client(graph, 'sam_tracker')
    try:
        fields = {'image': picture_message(), 'mode': Request.MODE_EVERYTHING}
        futures = [each.begin(**fields) for each in (client, other)]
        for future in futures:
            wait_until(future.done, 'an answer of segment_image', 2 * PATIENCE)
        first, second = (future.result() for future in futures)
    finally:
        other.close()
    assert first.success, first.message
    assert first.candidates
    assert first.candidates == second.candidates


def test_the_tracker_node_ends_well_while_it_looks_for_everything(graph):
    program = graph.start(
        'sam_tracker.nodes.tracker.tracker_node',
        '-r',
        '__node:=ending',
        device='cpu',
        precision='float32',
        cpu_threads=1,
        **{'everything.points_per_side': 256},
    )
    client = Client(graph, 'ending')
    tester = Tester(graph, node='ending')
    try:
        tester.wait_until_active()
        client.begin(image=picture_message(), mode=Request.MODE_EVERYTHING)
        program.wait_for_output('of 65536 points are asked')
        assert program.end(signal.SIGINT) == 0
    finally:
        tester.close()
        client.close()
    assert 'Traceback' not in program.output
