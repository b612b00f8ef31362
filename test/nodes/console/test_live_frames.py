# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images and tracks are paired by their headers, or not at all."""

from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker.msg import Track, TrackArray
from sam_tracker.nodes.console import live_frames
from sam_tracker.nodes.console.live_frames import LiveFrames


def header(second: int) -> Header:
    return Header(stamp=Time(sec=second), frame_id='camera')


def image(second: int) -> Image:
    return Image(header=header(second), height=1, width=1, encoding='mono8', step=1, data=[0])


def tracks(second: int, *ids: int) -> TrackArray:
    return TrackArray(header=header(second), tracks=[Track(object_id=each) for each in ids])


def test_an_image_is_shown_with_the_tracks_of_its_header():
    frames = LiveFrames()
    frames.add_tracks(tracks(1))
    assert frames.add_image(image(1)).tracks.header == header(1)
    assert frames.add_image(image(2)) is None
    assert frames.add_image(image(3)) is None
    frame = frames.add_tracks(tracks(2, 5))
    assert frame.image.header == frame.tracks.header == header(2)
    assert frames.add_tracks(tracks(4)) is None
    assert frames.add_image(image(4)).tracks.header == header(4)


def test_tracks_that_change_on_the_same_image_are_shown_on_it():
    frames = LiveFrames()
    frames.add_tracks(tracks(1, 1))
    first = frames.add_image(image(1))
    again = frames.add_tracks(tracks(1, 1, 2))
    assert again.image is first.image
    assert [track.object_id for track in again.tracks.tracks] == [1, 2]


def test_while_nobody_tracks_images_are_shown_without_tracks(monkeypatch):
    frames = LiveFrames()
    assert frames.add_image(image(1)).tracks is None
    assert frames.add_tracks(tracks(1)) is not None
    assert frames.add_image(image(3)) is None
    monkeypatch.setattr(live_frames, 'UNTRACKED_AFTER', 0.0)
    assert frames.add_image(image(4)).tracks is None


def test_tracks_whose_images_never_come_hide_no_image():
    frames = LiveFrames()
    assert frames.add_tracks(tracks(1)) is None
    assert frames.add_image(image(2)).tracks is None
