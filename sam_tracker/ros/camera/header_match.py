# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Match images and tracks by their headers; both come on topics of their own."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image
    from std_msgs.msg import Header

    from sam_tracker.msg import TrackArray

    ImageMessage: TypeAlias = Image | CompressedImage
    Pair: TypeAlias = tuple[ImageMessage, TrackArray]

Key: TypeAlias = tuple[int, int, str]

WAITING_TRACKS = 64
"""Tracks that wait for their image at most; the images of further ones must be lost."""


class HeaderMatch:
    """
    Matches messages with equal headers, whichever comes first.

    Unlike ``message_filters.TimeSynchronizer``, which the wheels of ROS do not contain, it is
    bounded in bytes rather than in messages, and counts what was not matched. The oldest images
    are dropped when too many bytes wait, and with a match all images before it: tracks come in
    order. Tracks that are published again for the image that was matched last, since its objects
    have changed, are ignored.
    """

    def __init__(self, most_bytes: int) -> None:
        """:param most_bytes: of images that wait; the newest is always kept."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._images: dict[Key, ImageMessage] = {}
        self._tracks: dict[Key, TrackArray] = {}
        self._last: Key | None = None
        """Of the last match."""
        self.tracks_without_image = 0
        """Number of dropped tracks whose image did not come."""

    def add_image(self, image: 'ImageMessage') -> 'Pair | None':
        """Add an image; return it with its tracks if they are there."""
        key = _key(image.header)
        if (tracks := self._tracks.pop(key, None)) is not None:
            self._forget_images_before(key)
            self._last = key
            return image, tracks
        if (replaced := self._images.pop(key, None)) is not None:
            self._bytes -= len(replaced.data)
        self._images[key] = image
        self._bytes += len(image.data)
        while self._bytes > self._most_bytes and len(self._images) > 1:
            self._forget_oldest_image()
        return None

    def add_tracks(self, tracks: 'TrackArray') -> 'Pair | None':
        """Add tracks; return them with their image if it is there."""
        key = _key(tracks.header)
        if key in self._images:
            self._forget_images_before(key)
            image = self._images.pop(key)
            self._bytes -= len(image.data)
            self._last = key
            return image, tracks
        if key == self._last:
            return None
        self._tracks[key] = tracks
        if len(self._tracks) > WAITING_TRACKS:
            self._tracks.pop(next(iter(self._tracks)))
            self.tracks_without_image += 1
        return None

    @property
    def waiting(self) -> tuple[int, int]:
        """Number of images and of tracks that wait for their counterpart."""
        return len(self._images), len(self._tracks)

    def _forget_images_before(self, key: Key) -> None:
        if key in self._images:
            while next(iter(self._images)) != key:
                self._forget_oldest_image()

    def _forget_oldest_image(self) -> None:
        self._bytes -= len(self._images.pop(next(iter(self._images))).data)


def _key(header: 'Header') -> Key:
    return header.stamp.sec, header.stamp.nanosec, header.frame_id
