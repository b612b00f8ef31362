# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images and tracks meet by equal headers, whichever comes first, in bounded memory."""

import array

import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.msg import TrackArray
from sam_tracker.ros.camera.header_match import WAITING_TRACKS, HeaderMatch
from sam_tracker.ros.messages.stamps import time_message


def header(number: int, frame_id: str = 'camera') -> Header:
    return Header(stamp=time_message(number), frame_id=frame_id)


def image(number: int, size: int = 100, frame_id: str = 'camera') -> Image:
    return Image(header=header(number, frame_id), data=array.array('B', bytes(size)))


def tracks(number: int, frame_id: str = 'camera') -> TrackArray:
    return TrackArray(header=header(number, frame_id))


def test_it_does_not_matter_which_comes_first():
    match = HeaderMatch(10_000)
    assert match.add_image(image(1)) is None
    pair = match.add_tracks(tracks(1))
    assert pair[0].header == pair[1].header == header(1)
    assert match.add_tracks(tracks(2)) is None
    pair = match.add_image(image(2))
    assert pair[0].header == pair[1].header == header(2)
    assert match.waiting == (0, 0)


def test_tracks_that_are_published_again_for_the_matched_image_do_not_wait_for_another():
    match = HeaderMatch(10_000)
    match.add_image(image(1))
    assert match.add_tracks(tracks(1)) is not None
    assert match.add_tracks(tracks(1)) is None
    assert match.waiting == (0, 0)
    match.add_image(image(2))
    assert match.add_tracks(tracks(2)) is not None


def test_one_nanosecond_or_another_frame_is_another_image():
    match = HeaderMatch(10_000)
    match.add_image(image(1))
    assert match.add_tracks(tracks(2)) is None
    assert match.add_tracks(tracks(1, 'other_camera')) is None


def test_images_are_let_go_once_a_later_one_has_its_tracks():
    match = HeaderMatch(10_000)
    for number in range(5):
        match.add_image(image(number))
    match.add_tracks(tracks(3))
    assert match.waiting == (1, 0)
    assert match.add_tracks(tracks(4)) is not None


def test_waiting_images_are_bounded_in_bytes_and_the_newest_stays():
    match = HeaderMatch(250)
    for number in range(1000):
        match.add_image(image(number, size=100))
    assert match.waiting == (2, 0)
    match.add_image(image(1000, size=5000))
    assert match.waiting == (1, 0)
    assert match.add_tracks(tracks(1000)) is not None


def test_an_image_that_is_repeated_is_kept_once():
    match = HeaderMatch(250)
    for _ in range(10):
        match.add_image(image(1, size=100))
    match.add_image(image(2, size=100))
    assert match.waiting == (2, 0)


@pytest.mark.parametrize('excess', [1, 10])
def test_tracks_that_wait_in_vain_are_bounded_and_counted(excess):
    match = HeaderMatch(250)
    for number in range(WAITING_TRACKS + excess):
        match.add_tracks(tracks(number))
    assert match.waiting == (0, WAITING_TRACKS)
    assert match.tracks_without_image == excess
