# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a page is sent: one message with an image and the tracks on it."""

import math

import numpy as np

from sam_tracker.recording.frame import RecordedFrame, RecordedTrack
from sam_tracker.web.frame_packet import css_colour, frame_packet
from sam_tracker.web.pages import page_files

from ..packet_reading import read_packet

MASK = np.array([[0, 255, 255], [255, 255, 0]], np.uint8)


def test_a_message_holds_the_stamp_the_tracks_their_masks_and_the_picture():
    seen = RecordedTrack(
        object_id=3,
        label='mug "a"',
        state='tracked',
        confidence=0.5,
        box=(10.0, 20.0, 13.0, 22.0),
        mask=MASK,
        mask_origin=(10, 20),
        mask_affinity_score=0.75,
        object_score=4.0,
    )
    unseen = RecordedTrack(object_id=70, state='lost', seconds_since_seen=2.5)
    frame = RecordedFrame(1_700_000_000_123_456_789, 'camera', 640, 480, [seen, unseen], 0.02)
    header, masks, jpeg = read_packet(frame_packet(frame, b'\xff\xd8picture\xff\xd9'))
    assert header['stamp'] == [1_700_000_000, 123_456_789]
    assert (header['width'], header['height'], header['frame_id']) == (640, 480, 'camera')
    assert header['tracked'] is True
    first, second = header['tracks']
    assert (first['id'], first['label'], first['state']) == (3, 'mug "a"', 'tracked')
    assert first['box'] == [10.0, 20.0, 13.0, 22.0]
    assert (first['affinity'], first['object'], first['motion']) == (0.75, 4.0, None)
    assert first['colour'] == css_colour(3)
    assert (second['unseen'], second['box']) == (2.5, None)
    assert 'mask' not in second
    whole = np.zeros((480, 640), np.uint8)
    whole[20:22, 10:13] = MASK
    assert list(masks) == [3]
    np.testing.assert_array_equal(masks[3], whole)
    assert jpeg == b'\xff\xd8picture\xff\xd9'


def test_a_message_is_json_whatever_the_scores_are():
    track = RecordedTrack(object_id=1, confidence=math.nan, mask_affinity_score=math.nan)
    packet = frame_packet(RecordedFrame(0, '', 8, 8, [track]), b'', tracked=False)
    header, _, _ = read_packet(packet)
    assert header['tracks'][0]['confidence'] is None
    assert header['tracked'] is False


def test_runs_of_masks_begin_at_a_multiple_of_their_size():
    for label in ('', 'a', 'ab', 'abc', 'abcd'):
        track = RecordedTrack(object_id=1, label=label, mask=MASK)
        packet = frame_packet(RecordedFrame(0, '', 8, 8, [track]), b'')
        assert int.from_bytes(packet[:4], 'little') % 4 == 0


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline():
    files = page_files()
    assert {'console.html', 'login.html', 'console.css', 'console.js', 'drawing.js'} <= set(files)
    for name, file in files.items():
        text = file.content.decode()
        assert 'http://' not in text and 'https://' not in text, name
        if name.endswith('.html'):
            assert '<script>' not in text and ' style=' not in text and 'onclick' not in text, name
        elif name.endswith('.js'):
            assert 'innerHTML' not in text and 'eval(' not in text, name
