# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker node as its users meet it: a process of its own, over real DDS."""

import array
import threading
import time

from geometry_msgs.msg import Point, PointStamped
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImageBox, ImagePoint, Mask, Prompt, Track
from sam_tracker.ros.messages import image_annotations
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.srv import AddPrompt


def stamps(messages):
    return [nanoseconds(message.header.stamp) for message in messages]


def test_every_image_is_answered_by_tracks_under_its_very_header(camera, tester):
    answers = tester.next_tracks(10)
    sent = {nanoseconds(header.stamp): header for header in camera.headers}
    for answer in answers:
        assert answer.header == sent[nanoseconds(answer.header.stamp)]
        assert (answer.image_width, answer.image_height) == camera.size
        assert answer.tracks == []
        assert 0 < nanoseconds(answer.processing_latency) < 10 * SECOND
    assert stamps(answers) == sorted(set(stamps(answers)))


def test_a_box_starts_an_object_that_is_on_every_image_from_then_on(camera, tester):
    answer = tester.add_box(40.0, 30.0, 90.0, 80.0, label='mug')
    assert answer.success, answer.message
    assert 'object 1 (mug) is followed' in answer.message
    assert (answer.track.object_id, answer.track.label) == (1, 'mug')
    assert answer.header.frame_id == 'camera'
    for message in tester.next_tracks(3):
        (track,) = message.tracks
        assert (track.object_id, track.label) == (1, 'mug')
        region = track.mask.region
        assert len(track.mask.data) == region.width * region.height > 0
        assert track.state == Track.STATE_TRACKED


def test_a_label_cannot_write_to_the_terminal_of_whoever_reads_the_log(camera, tester):
    answer = tester.add_box(label='mug\x1b[2J\n')
    assert answer.success
    assert answer.track.label == 'mug\x1b[2J\n'
    assert 'object 1 (mug\\x1b[2J\\n) is followed' in answer.message


def test_points_boxes_masks_and_mixtures_all_start_objects(camera, tester):
    points = {
        'points': [ImagePoint(x=60.0, y=50.0), ImagePoint(x=5.0, y=5.0)],
        'point_labels': [Prompt.POINT_POSITIVE, Prompt.POINT_NEGATIVE],
    }
    mask = Mask(data=array.array('B', [255] * 600))
    mask.region.x_offset, mask.region.y_offset = 40, 30
    mask.region.width, mask.region.height = 30, 20
    box = ImageBox(x_min=40.0, y_min=30.0, x_max=90.0, y_max=80.0)
    for fields in (points, {'mask': mask}, {'box': box, **points}, {'mask': mask, **points}):
        answer = tester.call('add_prompt', prompt=Prompt(**fields))
        assert answer.success, answer.message
    assert tester.object_ids() == [1, 2, 3, 4]


def wrong(**fields):
    return Prompt(box=ImageBox(x_min=40.0, y_min=30.0, x_max=90.0, y_max=80.0), **fields)


def with_box(*corners):
    x_min, y_min, x_max, y_max = (float(each) for each in corners)
    return Prompt(box=ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max))


def with_mask(width, height, count):
    mask = Mask(data=array.array('B', [255] * count))
    mask.region.width, mask.region.height = width, height
    return Prompt(mask=mask)


def with_stamp(seconds):
    header = Header()
    header.stamp.sec = seconds
    return wrong(header=header)


@pytest.mark.parametrize(
    ('prompt', 'words'),
    [
        (Prompt(), 'the prompt is empty'),
        (Prompt(points=[ImagePoint(x=1.0, y=1.0)]), '1 points, labels of shape (0,)'),
        (Prompt(points=[ImagePoint(x=1.0, y=1.0)], point_labels=[7]), 'label 0 is 7'),
        (Prompt(points=[ImagePoint(x=999.0, y=1.0)], point_labels=[1]), '(999, 1) lies outside'),
        (Prompt(points=[ImagePoint(x=1.0, y=1.0)], point_labels=[0]), 'points are negative'),
        (with_box(90, 30, 40, 80), 'turned inside out: [90, 30, 40, 80]'),
        (with_box(40, 30, 40, 80), 'the box is empty: [40, 30, 40, 80]'),
        (with_box(340, 30, 400, 80), '[340, 30, 400, 80] does not lie inside'),
        (with_box(40, 30, float('nan'), 80), 'not finite: [40, 30, nan, 80]'),
        (with_mask(30, 20, 599), '599 bytes of data; its region of 30x20 pixels needs 600'),
        (with_mask(300, 2, 600), 'does not lie inside the image of 160x120 pixels'),
        (wrong(object_id=99), 'no object 99; the objects are: 1'),
        (with_stamp(5), 'the image with stamp 5.000000000 is too old'),
        (with_stamp(2**31 - 1), 'the image with stamp 2147483647.000000000 has not arrived'),
        (wrong(header=Header(frame_id='hand')), "frame 'hand', but the images are in 'camera'"),
    ],
)
def test_a_prompt_that_cannot_be_followed_is_answered_by_value(camera, tester, prompt, words):
    assert tester.add_box().success
    answer = tester.call('add_prompt', prompt=prompt)
    assert not answer.success
    assert words in answer.message
    assert tester.object_ids() == [1]
    assert [track.object_id for track in tester.next_tracks()[0].tracks] == [1]


def test_removing_forgets_one_object_and_names_an_unknown_one(camera, tester):
    for _ in range(3):
        assert tester.add_box().success
    assert tester.call('remove_object', object_id=2).success
    answer = tester.call('remove_object', object_id=2)
    assert not answer.success
    assert answer.message == 'there is no object 2; the objects are: 1, 3'
    assert tester.object_ids() == [1, 3]
    assert [track.object_id for track in tester.next_tracks(2)[1].tracks] == [1, 3]


def test_objects_are_listed_with_masks_or_without(camera, tester):
    tester.add_box()
    tester.next_tracks(2)
    slim = tester.call('get_objects').objects
    full = tester.call('get_objects', include_masks=True).objects
    assert len(slim.tracks[0].mask.data) == 0
    assert len(full.tracks[0].mask.data) > 0
    assert nanoseconds(full.header.stamp) in {nanoseconds(each.stamp) for each in camera.headers}


def test_reset_forgets_everything(camera, tester):
    tester.add_box()
    tester.add_box()
    answer = tester.call('reset')
    assert (answer.success, answer.message) == (True, '2 objects are forgotten')
    assert tester.object_ids() == []
    assert tester.next_tracks(2)[1].tracks == []


def test_while_paused_nothing_is_processed_but_a_prompt_and_tracking_goes_on_after(
    graph, camera, tester
):
    assert tester.call('set_paused', data=True).success
    paused_at = time.time_ns()

    def processed_since():
        """Return the tracks of what the camera published since, after five more images."""
        count = len(camera.headers) + 5
        graph.wait_until(lambda: len(camera.headers) > count, 'more images')
        return [each for each in tester.tracks if nanoseconds(each.header.stamp) > paused_at]

    assert processed_since() == []
    answer = tester.add_box()
    assert answer.success, answer.message
    graph.wait_until(lambda: tester.tracks[-1].header == answer.header, 'tracks of the prompt')
    # The image of the prompt alone, with the new object on it.
    (only,) = processed_since()
    assert only.header == answer.header
    assert [track.object_id for track in only.tracks] == [1]
    assert tester.call('set_paused', data=False).success
    assert tester.next_tracks(2)[1].tracks[0].object_id == 1


def test_a_prompt_with_a_stamp_is_applied_to_that_image_and_caught_up(camera, tester):
    header = tester.next_tracks(8)[2].header
    answer = tester.add_box(header=header)
    assert answer.success, answer.message
    assert 'caught up over' in answer.message
    assert nanoseconds(answer.header.stamp) > nanoseconds(header.stamp)
    assert tester.object_ids() == [1]


def test_a_point_and_a_stamped_point_are_clicks(camera, tester, graph):
    graph.wait_until(tester.clicks.get_subscription_count, 'a subscription to clicks')
    tester.clicks.publish(Point(x=60.0, y=50.0))
    graph.wait_until(lambda: tester.object_ids() == [1], 'an object from a click')
    click = PointStamped(header=tester.tracks[-2].header, point=Point(x=30.0, y=20.0))
    tester.stamped_clicks.publish(click)
    graph.wait_until(lambda: tester.object_ids() == [1, 2], 'an object from a stamped click')


def test_a_prompt_on_the_topic_is_followed_and_a_wrong_one_is_counted(camera, tester, graph):
    graph.wait_until(tester.prompts.get_subscription_count, 'a subscription to prompts')
    tester.prompts.publish(Prompt())
    tester.prompts.publish(tester.box_prompt(label='cup'))
    graph.wait_until(lambda: tester.object_ids() == [1], 'an object from the topic')
    tester.diagnosed(lambda _, values: int(values['refused prompts']) > 0, 'a refused prompt')


def test_several_clients_at_once_are_all_answered(camera, new_tester, tester):
    testers = [tester, new_tester(), new_tester()]
    futures = [
        each.begin('add_prompt', prompt=each.box_prompt(label=f'{index} {turn}'))
        for turn in range(3)
        for index, each in enumerate(testers)
    ]
    lists = [each.begin('get_objects') for each in testers]
    deadline = time.monotonic() + 60
    while not all(each.done() for each in futures + lists) and time.monotonic() < deadline:
        time.sleep(0.01)
    answers = [each.result() for each in futures]
    assert all(each.success for each in answers), [each.message for each in answers]
    assert sorted(each.track.object_id for each in answers) == list(range(1, 10))
    assert len({each.track.label for each in answers}) == 9
    assert tester.object_ids() == list(range(1, 10))


def test_fourteen_clients_with_one_request_each_are_all_answered(camera, tester, graph):
    clients = [
        tester.node.create_client(AddPrompt, f'{tester.name}/add_prompt') for _ in range(14)
    ]
    for client in clients:
        assert client.wait_for_service(30.0)
    futures = [
        client.call_async(AddPrompt.Request(prompt=tester.box_prompt())) for client in clients
    ]
    graph.wait_until(lambda: all(each.done() for each in futures), 'answers of all clients')
    assert all(each.result().success for each in futures)
    assert tester.object_ids() == list(range(1, 15))
    for client in clients:
        tester.node.destroy_client(client)


def test_a_flood_of_prompts_keeps_neither_services_nor_images_waiting(camera, tester, graph):
    graph.wait_until(tester.prompts.get_subscription_count, 'a subscription to prompts')
    end = threading.Event()

    def flood() -> None:
        while not end.wait(0.005):
            tester.prompts.publish(tester.box_prompt())

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    try:
        graph.wait_until(lambda: len(tester.object_ids()) > 3, 'objects of the flood')
        for _ in range(3):
            answer = tester.call('reset')
            assert answer.success, answer.message
        tester.next_tracks(2)
    finally:
        end.set()
        thread.join()

    def settled() -> bool:
        tester.call('reset')
        return all(message.tracks == [] for message in tester.next_tracks(10))

    graph.wait_until(settled, 'the end of the prompts that waited')


def test_a_reset_is_published_although_no_image_comes(camera, tester, graph):
    tester.add_box()
    camera.silent = True
    try:
        tester.call('reset')
        graph.wait_until(lambda: tester.tracks[-1].tracks == [], 'tracks without objects')
    finally:
        camera.silent = False


@pytest.mark.skipif(not image_annotations.INSTALLED, reason='foxglove_msgs is not installed')
def test_annotations_outline_the_objects_on_the_image_of_their_stamp(graph, tester, camera):
    heard = []
    listening = tester.listen(image_annotations.ImageAnnotations, 'annotations', heard)
    tester.add_box(label='mug')
    (text,) = graph.wait_until(
        lambda: next((each.texts for each in heard if each.points), None), 'an outline'
    )
    assert 'mug' in text.text
    assert text.timestamp in [header.stamp for header in camera.headers]
    tester.stop_listening(listening)


def test_label_image_and_overlay_are_of_the_image_and_only_made_for_listeners(
    camera, tester, graph
):
    tester.add_box()
    labels, overlays = [], []
    subscriptions = [
        tester.listen(Image, 'label_image', labels),
        tester.listen(Image, 'overlay', overlays),
    ]
    graph.wait_until(lambda: len(labels) > 2 and len(overlays) > 2, 'pictures')
    for subscription in subscriptions:
        tester.stop_listening(subscription)
    sent = {nanoseconds(each.stamp): each for each in camera.headers}
    for picture in (*labels, *overlays):
        assert picture.header == sent[nanoseconds(picture.header.stamp)]
        assert (picture.width, picture.height) == camera.size
    assert {each.encoding for each in labels} == {'mono16'}
    assert {each.encoding for each in overlays} == {'bgr8'}
    tracks = {nanoseconds(each.header.stamp): each for each in tester.tracks}
    for picture in labels[-2:]:
        (track,) = tracks[nanoseconds(picture.header.stamp)].tracks
        pixels = np.frombuffer(picture.data, np.uint16).reshape(picture.height, picture.width)
        region = track.mask.region
        mask = np.frombuffer(track.mask.data, np.uint8).reshape(region.height, region.width)
        expected = np.zeros(pixels.shape, bool)
        rows = slice(region.y_offset, region.y_offset + region.height)
        expected[rows, region.x_offset : region.x_offset + region.width] = mask != 0
        np.testing.assert_array_equal(pixels == track.object_id, expected)


def test_size_and_encoding_may_change_while_images_flow(camera, tester):
    tester.add_box()
    camera.size = (200, 100)
    camera.encoding = 'mono8'
    deadline = time.monotonic() + 30
    while tester.next_tracks()[0].image_width != 200 and time.monotonic() < deadline:
        pass
    message = tester.next_tracks()[0]
    assert (message.image_width, message.image_height) == (200, 100)
    assert [track.object_id for track in message.tracks] == [1]


def test_an_unreadable_image_is_counted_and_named_and_the_next_ones_are_tracked(camera, tester):
    picture = Image(header=Header(frame_id='camera'), width=4, height=4, step=4, encoding='vision')
    picture.data.frombytes(bytes(16))
    _, before = tester.diagnosed(lambda _, values: values, 'diagnostics')
    for _ in range(5):
        picture.header.stamp = time_message(time.time_ns())
        camera.publisher.publish(picture)
        time.sleep(0.1)
    name = 'images dropped: unreadable'
    tester.diagnosed(
        lambda _, values: int(values[name]) > int(before[name]), 'an unreadable image'
    )
    assert tester.next_tracks()[0].image_width == camera.size[0]


def test_live_parameters_change_and_the_others_are_refused_with_a_reason(tester):
    assert tester.set('service_timeout', 95.0).successful
    assert tester.set('service_timeout', 100).successful
    refused = tester.set('service_timeout', -1.0)
    assert not refused.successful
    assert '-1' in refused.reason
    refused = tester.set('device', 'cuda')
    assert not refused.successful
    assert 'device is read when the node configures' in refused.reason
    refused = tester.set('autostart', False)
    assert not refused.successful
    values = tester.call('get_parameters', names=['service_timeout', 'device']).values
    assert (values[0].integer_value, values[1].string_value) == (100, 'cpu')


def test_tracking_parameters_take_effect_while_objects_are_tracked(camera, tester):
    # The random network answers all prompts with much the same mask of the image it is shown.
    assert tester.set('closer_look', 'off').successful
    assert [tester.add_box().track.object_id for _ in range(2)] == [1, 2]
    assert tester.set('resolve_overlaps', True).successful
    try:
        assert tester.add_box().track.object_id in {1, 2}
        assert tester.object_ids() == [1, 2]
    finally:
        tester.set('closer_look', 'auto')
        assert tester.set('resolve_overlaps', False).successful
    assert tester.add_box().track.object_id == 3
    refused = tester.set('maximum_objects', 5)
    assert 'maximum_objects is read when the node configures' in refused.reason


def test_diagnostics_tell_rates_latency_objects_and_device(camera, tester):
    tester.add_box()
    status, values = tester.diagnosed(
        lambda _, values: values['objects tracked'] == '1' and 'latency median (ms)' in values,
        'an object in the diagnostics',
    )
    assert status.name == 'sam_tracker: tracking'
    assert values['lifecycle state'] == 'active'
    assert values['image topic'] == '/image'
    assert (values['model'], values['device'], values['precision']) == ('nano', 'cpu', 'float32')
    assert 0 < float(values['processed rate (Hz)']) <= float(values['input rate (Hz)']) + 1
    assert 0 < float(values['latency median (ms)']) <= float(values['latency most (ms)'])
    assert float(values['age at publication median (ms)']) > 0
