# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The console with a tracker and a camera, each in its own process, as pages use it."""

from __future__ import annotations

import io
import signal

import cv2
import numpy as np
from PIL import Image as Picture
from rclpy.parameter import parameter_value_to_python

from sam_tracker.ros.messages.masks import mask_pixels

from ...conftest import wait_until
from .conftest import LONG, Page, browse, connected, visit

TRACKER = '/sam_tracker'
BOX = [40.0, 30.0, 90.0, 80.0]


def stamp_of(header: dict) -> list[int]:
    return header['stamp']


async def prompted(page, **fields):
    """Prompt on the frame that comes next, as a page does, and return the answer."""
    header, _, _ = await page.frame()
    fields = {'box': BOX, 'object_id': 0, 'label': '', **fields}
    place = {'stamp': stamp_of(header), 'frame_id': header['frame_id']}
    return await page.ask('add_prompt', tracker=TRACKER, **place, **fields)


def test_a_page_shows_the_tracks_that_were_published_for_its_image(console, tester, camera):
    async def work(page):
        await page.watch()
        answer = await prompted(page, label='mug')
        assert answer['success'], answer
        return await page.frame(lambda header: header['tracks'])

    header, masks, jpeg = visit(console.url, work)
    assert header['tracker'] == TRACKER
    seconds, rest = stamp_of(header)

    def published():
        return [
            message
            for message in list(tester.tracks)
            if (message.header.stamp.sec, message.header.stamp.nanosec) == (seconds, rest)
            and message.tracks
        ]

    message = wait_until(published, 'the tracks of the frame', patience=LONG)[0]
    assert [track['id'] for track in header['tracks']] == [
        track.object_id for track in message.tracks
    ]
    track = message.tracks[0]
    assert header['tracks'][0]['label'] == track.label == 'mug'
    region = track.mask.region
    expected = np.zeros((message.image_height, message.image_width), np.uint8)
    rows = slice(region.y_offset, region.y_offset + region.height)
    expected[rows, region.x_offset : region.x_offset + region.width] = mask_pixels(track.mask)
    np.testing.assert_array_equal(masks[track.object_id], expected)
    with Picture.open(io.BytesIO(jpeg)) as picture:
        # Smaller, if this page was slow.
        assert picture.width <= message.image_width
        assert picture.height <= message.image_height


def test_an_object_is_pointed_at_corrected_and_removed_from_a_page(console, tester, camera):
    async def work(page):
        await page.watch()
        first = await prompted(page, label='mug')
        assert first['success'], first
        object_id = first['object_id']
        corrected = await prompted(page, object_id=object_id, box=[35, 30, 90, 85])
        assert corrected['success'] and corrected['object_id'] == object_id, corrected
        await page.frame(lambda header: [each['id'] for each in header['tracks']])
        gone = await page.ask('remove', tracker=TRACKER, object_id=object_id)
        assert gone['success'], gone
        await page.frame(lambda header: not header['tracks'])
        again = await page.ask('remove', tracker=TRACKER, object_id=object_id)
        assert not again['success']
        assert str(object_id) in again['message']
        assert (await prompted(page))['success']
        assert (await page.ask('reset', tracker=TRACKER))['success']
        await page.frame(lambda header: not header['tracks'])

    visit(console.url, work)
    assert tester.object_ids() == []


def test_a_mask_that_was_drawn_on_the_page_is_followed(console, tester, camera):
    mask = {'x': 20, 'y': 10, 'width': 40, 'height': 30, 'runs': [0, 1200]}

    async def work(page):
        await page.watch()
        return await prompted(page, box=None, mask=mask)

    answer = visit(console.url, work)
    assert answer['success'], answer
    assert tester.object_ids() == [answer['object_id']]


def test_a_click_gives_candidates_from_part_to_whole_and_one_is_followed(console, tester, camera):
    async def work(page):
        header, _, _ = await page.watch()
        place = {'stamp': stamp_of(header), 'frame_id': header['frame_id']}
        found = await page.ask(
            'find_candidates', tracker=TRACKER, **place, points=[[60, 50]], point_labels=[1]
        )
        assert found['success'], found
        assert found['stamp'] == place['stamp']
        areas = [each['area'] for each in found['candidates']]
        assert areas == sorted(areas) and areas
        for each in found['candidates']:
            assert sum(each['mask']['runs'][1::2]) == each['area']
        mask = found['candidates'][-1]['mask']
        answer = await page.ask(
            'add_prompt', tracker=TRACKER, **place, mask=mask, object_id=0, label=''
        )
        assert answer['success'], answer

    visit(console.url, work)
    assert len(tester.object_ids()) == 1


def test_an_object_is_renamed_from_a_page_and_tracked_as_before(console, tester, camera):
    async def work(page):
        await page.watch()
        object_id = (await prompted(page, label='mug'))['object_id']
        renamed = await page.ask('rename', tracker=TRACKER, object_id=object_id, label='left hand')
        assert renamed['success'], renamed
        await page.frame(lambda header: [t['label'] for t in header['tracks']] == ['left hand'])
        nobody = await page.ask('rename', tracker=TRACKER, object_id=999, label='x')
        assert not nobody['success'] and '999' in nobody['message']

    visit(console.url, work)
    (track,) = tester.call('get_objects').objects.tracks
    assert track.label == 'left hand'


def test_live_parameters_are_read_with_their_ranges_and_set(console, tester, camera):
    async def work(page):
        await page.watch()
        read = await page.ask('parameters', tracker=TRACKER)
        assert read['success'], read
        by_name = {each['name']: each for each in read['parameters']}
        assert by_name['buffer.seconds']['value'] == 5.0
        assert by_name['buffer.seconds']['range'] == [0.0, 600.0]
        assert 'model' not in by_name, 'it is read when the node configures'
        assert read['words'] is False
        field = {'tracker': TRACKER, 'name': 'buffer.seconds'}
        wrong = await page.ask('set_parameter', value=-1, **field)
        assert not wrong['success'] and '-1' in wrong['message']
        assert (await page.ask('set_parameter', value=6.0, **field))['success']

    visit(console.url, work)
    (value,) = tester.call('get_parameters', names=['buffer.seconds']).values
    assert parameter_value_to_python(value) == 6.0
    assert tester.set('buffer.seconds', 5.0).successful


def test_a_recording_is_started_stopped_and_downloaded(console, tester, camera):
    async def work(session):
        async with connected(session, console.url) as socket:
            page = Page(socket)
            await page.watch()
            assert (await prompted(page))['success']
            started = await page.ask('start_recording', tracker=TRACKER)
            assert started['success'], started
            again = await page.ask('start_recording', tracker=TRACKER)
            assert not again['success'] and 'running already' in again['message']
            state = await page.state(lambda state: state['recordings']['running'])
            lines = console.recordings / state['recordings']['running']['name'] / 'tracks.jsonl'
            await page.until(lambda _: lines.is_file() and lines.stat().st_size)
            stopped = await page.ask('stop_recording', tracker=TRACKER)
            assert stopped['success'], stopped
            state = await page.state(lambda state: state['recordings']['complete'])
        recording = state['recordings']['complete'][0]
        sizes = {each['name']: each['bytes'] for each in recording['files']}
        folder = f'{console.url}/recordings/{recording["name"]}'
        async with session.get(f'{folder}/tracks.jsonl') as response:
            assert response.status == 200
            assert len(await response.read()) == sizes['tracks.jsonl'] > 0
        for path in ('/..%2f..%2fpassword', '/%2e%2e', '/nothing', '/.hidden'):
            async with session.get(folder + path) as response:
                assert response.status == 404, path

    browse(work)


def test_tracking_is_paused_and_resumed_from_a_page(console, tester, camera):
    async def work(page):
        await page.watch()
        assert (await page.ask('set_paused', tracker=TRACKER, paused=True))['success']
        await page.state(lambda state: state['trackers'][0]['values']['paused'] == 'true')
        # Images are shown all the same, and without tracks.
        await page.frame(lambda header: not header['tracked'])
        assert (await page.ask('set_paused', tracker=TRACKER, paused=False))['success']
        await page.frame(lambda header: header['tracked'])

    visit(console.url, work)


def test_what_the_tracker_refuses_is_said_on_the_page(console, tester, camera):
    async def work(page):
        await page.watch()
        far = await prompted(page, box=[1000, 1000, 1100, 1100])
        old = await page.ask(
            'add_prompt', tracker=TRACKER, stamp=[5, 0], box=BOX, object_id=0, label=''
        )
        other = await page.ask('reset', tracker='/nobody')
        return far, old, other

    far, old, other = visit(console.url, work)
    assert not far['success'] and '160x120' in far['message']
    assert not old['success'] and 'too old' in old['message']
    assert not other['success'] and "'/nobody'" in other['message']


def test_a_page_that_draws_nothing_gets_two_pictures_and_delays_no_other(console, tester, camera):
    async def work(session):
        async with (
            connected(session, console.url) as stopped_socket,
            connected(session, console.url) as socket,
        ):
            stopped, page = Page(stopped_socket, draws=False), Page(socket)
            await page.watch()
            await stopped.send('watch', tracker=TRACKER)
            for _ in range(2):
                await stopped.frame()
            for _ in range(20):
                await page.frame()
            # The answer comes after all that was sent before it.
            number = await stopped.send('reset', tracker='/nobody')
            pictures, answered = 0, False
            while not answered:
                message = await stopped.next()
                pictures += isinstance(message, tuple)
                answered = isinstance(message, dict) and message.get('number') == number
            assert pictures == 0
            assert (await prompted(page))['success']

    browse(work)


def test_two_pages_see_the_same_and_one_that_leaves_does_not_disturb_the_other(
    console, tester, camera
):
    async def work(session):
        async with connected(session, console.url) as one_socket:
            one = Page(one_socket)
            await one.watch()
            async with connected(session, console.url) as other_socket:
                other = Page(other_socket)
                await other.watch()
                assert (await prompted(other, label='mug'))['success']
                await one.frame(lambda header: header['tracks'])
            await one.state(lambda state: state['viewers'] == 1)
            await one.frame(lambda header: header['tracks'])

    browse(work)


def test_nothing_is_subscribed_to_while_no_page_is_open(console, tester, camera):
    def watchers() -> list[str]:
        subscribers = tester.node.get_subscriptions_info_by_topic('/image')
        return [each.node_name for each in subscribers]

    async def work(page):
        await page.watch()
        await page.until(lambda _: 'console' in watchers())

    visit(console.url, work)
    wait_until(lambda: 'console' not in watchers(), 'the end of the subscription', patience=LONG)


def test_large_images_are_scaled_down_and_keep_their_coordinates(console, tester, camera):
    camera.size = (1600, 1200)

    async def work(page):
        await page.watch()
        return await page.frame(lambda header: header['width'] == 1600)

    header, _, jpeg = visit(console.url, work)
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape[1] <= 1280
    assert abs(pixels.shape[1] / pixels.shape[0] - 4 / 3) < 0.02
    assert header['height'] == 1200


def test_pages_come_back_after_a_restart_of_the_console(start_console, tester, camera):
    console = start_console()

    async def work(session):
        async with connected(session, console.url) as socket:
            await Page(socket).watch()

    browse(work)
    assert console.program.end(signal.SIGINT) == 0
    assert 'Traceback' not in console.program.output
    # On the same port, at once.
    again = start_console(port=console.port)
    assert again.url == console.url
    browse(work)
