# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The images of the last seconds, so that a prompt can be applied to the image it was made on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
import threading
from typing import TYPE_CHECKING

from sam_tracker.core.time import SECOND
from sam_tracker.ros.messages.stamps import nanoseconds, stamp_text

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from sam_tracker.ros.camera.received_image import ReceivedImage

LONGEST_FRAME_ID = 256
"""Characters; an image with more is not kept, since everything published repeats its header."""
STAMP_TOLERANCE = SECOND // 1000
"""Nanoseconds by which a request may miss its image: stamps converted through a float match."""


class ImageNotFoundError(LookupError):
    """No image has the requested stamp; the text says which stamps there are."""


class ImageBuffer:
    """
    Images by ascending stamp, bounded in time and in memory; thread-safe.

    The newest image is always kept. An image older than the newest is ignored: call ``clear``
    after a jump back in time.
    """

    def __init__(self, seconds: float, megabytes: int) -> None:
        self._lock = threading.Lock()
        self._images: list[ReceivedImage] = []
        self._bytes = 0
        self.set_bounds(seconds, megabytes)

    def set_bounds(self, seconds: float, megabytes: int) -> None:
        with self._lock:
            self._span = round(seconds * SECOND)
            self._most_bytes = megabytes * 1_000_000
            self._drop_oldest()

    def add(self, image: ReceivedImage) -> None:
        with self._lock:
            if self._images and image.stamp <= self._images[-1].stamp:
                return
            self._images.append(image)
            self._bytes += image.bytes
            self._drop_oldest()

    def clear(self) -> None:
        with self._lock:
            self._images.clear()
            self._bytes = 0

    @property
    def newest(self) -> ReceivedImage | None:
        with self._lock:
            return self._images[-1] if self._images else None

    @property
    def bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._images)

    def at(self, stamp: int) -> ReceivedImage:
        """
        Return the image with a stamp, within ``STAMP_TOLERANCE``.

        :param stamp: in nanoseconds.
        :raises ImageNotFoundError: no such image is kept.
        """
        with self._lock:
            images = list(self._images)
        if not images:
            raise ImageNotFoundError(
                f'there is no image with stamp {stamp_text(stamp)}: none has arrived yet'
            )
        nearest = min(images, key=lambda each: abs(each.stamp - stamp))
        if abs(nearest.stamp - stamp) <= STAMP_TOLERANCE:
            return nearest
        oldest, newest = images[0].stamp, images[-1].stamp
        held = (
            f'the {len(images)} kept images go from {stamp_text(oldest)} to {stamp_text(newest)}'
        )
        if stamp < oldest:
            raise ImageNotFoundError(
                f'the image with stamp {stamp_text(stamp)} is too old: {held} (raise '
                'buffer.seconds or buffer.megabytes to keep more)'
            )
        if stamp > newest:
            raise ImageNotFoundError(
                f'the image with stamp {stamp_text(stamp)} has not arrived: {held}'
            )
        raise ImageNotFoundError(
            f'there is no image with stamp {stamp_text(stamp)}: {held}, and the nearest has '
            f'stamp {stamp_text(nearest.stamp)}'
        )

    def requested(self, header: Header) -> ReceivedImage:
        """
        Return the image that the header of a request names: by its stamp, or the newest.

        :raises ImageNotFoundError: no such image is kept, or the header names another coordinate
            frame than the images have.
        """
        stamp = nanoseconds(header.stamp)
        image = self.at(stamp) if stamp else self.newest
        if image is None:
            raise ImageNotFoundError('there is no image yet: none has arrived')
        frame_id = image.message.header.frame_id
        if header.frame_id and header.frame_id != frame_id:
            named = header.frame_id[:LONGEST_FRAME_ID]
            raise ImageNotFoundError(
                f'the request is for images in frame {named!r}, but the images are in {frame_id!r}'
            )
        return image

    def between(self, after: int, until: int, at_most: int) -> list[ReceivedImage]:
        """
        Return images with after < stamp <= until, spread evenly, including the last one.

        :param at_most: number of images to return, at least 1.
        """
        with self._lock:
            stamps = [image.stamp for image in self._images]
            images = self._images[bisect_right(stamps, after) : bisect_right(stamps, until)]
        count = min(at_most, len(images))
        return [images[(index + 1) * len(images) // count - 1] for index in range(count)]

    def _drop_oldest(self) -> None:
        if not self._images:
            return
        stamps = [image.stamp for image in self._images]
        first = bisect_left(stamps, stamps[-1] - self._span)
        for image in self._images[:first]:
            self._bytes -= image.bytes
        while self._bytes > self._most_bytes and first < len(self._images) - 1:
            self._bytes -= self._images[first].bytes
            first += 1
        del self._images[:first]
