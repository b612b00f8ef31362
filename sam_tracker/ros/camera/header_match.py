# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images and the tracks of the very same image, which come on two topics."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image
    from std_msgs.msg import Header

    from sam_tracker.msg import TrackArray

    ImageMessage: TypeAlias = Image | CompressedImage
    Pair: TypeAlias = tuple[ImageMessage, TrackArray]

Key: TypeAlias = tuple[int, int, str]

WAITING_TRACKS = 64
"""Tracks whose image has not come yet; more than that wait for images that are lost."""


class HeaderMatch:
    """
    Brings together messages with equal headers, whichever comes first.

    Memory is bounded: the oldest images go when too many bytes wait. A match also lets go of the
    images that came before its own: tracks come in order, so nobody will ask for those.
    """

    def __init__(self, most_bytes: int) -> None:
        """:param most_bytes: of images that wait; the newest is always kept."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._images: dict[Key, ImageMessage] = {}
        self._tracks: dict[Key, TrackArray] = {}
        self.tracks_without_image = 0
        """How many tracks waited in vain."""

    def add_image(self, image: 'ImageMessage') -> 'Pair | None':
        """Take an image; return it with its tracks if they are there."""
        key = _key(image.header)
        if (tracks := self._tracks.pop(key, None)) is not None:
            self._forget_images_before(key)
            return image, tracks
        if (replaced := self._images.pop(key, None)) is not None:
            self._bytes -= len(replaced.data)
        self._images[key] = image
        self._bytes += len(image.data)
        while self._bytes > self._most_bytes and len(self._images) > 1:
            self._forget_oldest_image()
        return None

    def add_tracks(self, tracks: 'TrackArray') -> 'Pair | None':
        """Take tracks; return them with their image if it is there."""
        key = _key(tracks.header)
        if key in self._images:
            self._forget_images_before(key)
            image = self._images.pop(key)
            self._bytes -= len(image.data)
            return image, tracks
        self._tracks[key] = tracks
        if len(self._tracks) > WAITING_TRACKS:
            self._tracks.pop(next(iter(self._tracks)))
            self.tracks_without_image += 1
        return None

    @property
    def waiting(self) -> tuple[int, int]:
        """How many images and how many tracks wait for the other."""
        return len(self._images), len(self._tracks)

    def _forget_images_before(self, key: Key) -> None:
        if key in self._images:
            while next(iter(self._images)) != key:
                self._forget_oldest_image()

    def _forget_oldest_image(self) -> None:
        self._bytes -= len(self._images.pop(next(iter(self._images))).data)


def _key(header: 'Header') -> Key:
    return header.stamp.sec, header.stamp.nanosec, header.frame_id
