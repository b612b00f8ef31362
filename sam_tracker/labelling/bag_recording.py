# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images of one topic of a ROS 2 bag, read by rosbags without ROS."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
import hashlib
from itertools import pairwise
import zlib

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.time import SECOND
from sam_tracker.labelling.message_types import IMAGES
from sam_tracker.labelling.open_bag import OpenBag
from sam_tracker.labelling.recording import Image, ImageInfo, LabellingError, Progress
from sam_tracker.labelling.recording_index import RecordingIndex
from sam_tracker.ros.images.conversion import rgb_image
from sam_tracker.ros.images.encodings import ImageError

MOST_TOPICS = 10
"""Topics that an error lists."""


class BagRecording:
    """The images of one topic; those that cannot be converted are left out, and counted."""

    def __init__(
        self,
        bag: OpenBag,
        topic: str | None,
        progress: Progress,
        index: RecordingIndex | None = None,
    ) -> None:
        """
        Read all images once, unless the index of the topic is known.

        :param topic: None: the only topic that has images.
        :param index: of the topic of the bag as it is now.
        :raises LabellingError: there is no such topic, no image, or more than one topic to choose
            from.
        """
        self.bag, self.topic = bag, _chosen(bag, topic)
        self.index = _indexed(bag, self.topic, progress) if index is None else index
        self.images, self.digest = self.index.images, self.index.digest
        self.problems = list(self.index.problems)
        every = self.index.every_received
        self.received = [every[place] for place in self.index.places]
        """Nanoseconds at which each image was recorded."""
        self._ordered = all(a <= b for a, b in pairwise(every))

    def read(self, start: int, stop: int) -> Iterator[Image]:
        place, time = 0, None
        if self._ordered:
            time = self.received[start]
            place = bisect_left(self.index.every_received, time)
        number = start
        for _, message in self.bag.messages(self.topic, time):
            if number == stop:
                return
            if place == self.index.places[number]:
                yield rgb_image(message, DynamicRange(self.index.limits[number]))
                number += 1
            place += 1
        if number < stop:
            raise LabellingError(f'{str(self.bag.path)!r} has changed since it was opened')

    def close(self) -> None:
        self.bag.close()


def _indexed(bag: OpenBag, topic: str, progress: Progress) -> RecordingIndex:
    """
    Read all images of a topic.

    :raises LabellingError: there is none.
    """
    images: list[ImageInfo] = []
    places: list[int] = []
    every_limits: list[tuple[float, float] | None] = []
    every_received: list[int] = []
    refused: dict[str, int] = {}
    digest, shared = hashlib.sha256(), DynamicRange()
    for place, (received, message) in enumerate(bag.messages(topic)):
        every_received.append(received)
        limits = shared.limits
        try:
            if message is None:
                raise ImageError('the message is damaged')
            rgb = rgb_image(message, shared)
        except ImageError as error:
            refused[str(error)] = refused.get(str(error), 0) + 1
            continue
        header = message.header
        stamp = header.stamp.sec * SECOND + header.stamp.nanosec
        height, width = rgb.shape[:2]
        images.append(ImageInfo(f'{topic}:{place}', stamp, width, height, header.frame_id))
        places.append(place)
        every_limits.append(limits)
        checksum = zlib.adler32(rgb.tobytes())
        digest.update(f'{stamp} {received} {width} {checksum}\n'.encode())
        progress(len(images), None)
    left_out = [f'{count} images left out: {text}' for text, count in refused.items()]
    problems = [*bag.problems, *left_out]
    if not images:
        reasons = '; '.join(problems) or 'the topic is empty'
        raise LabellingError(
            f'no image of topic {topic!r} in {str(bag.path)!r} can be read: {reasons}'
        )
    return RecordingIndex(
        images,
        digest.hexdigest(),
        problems,
        places=places,
        limits=every_limits,
        every_received=every_received,
    )


def _chosen(bag: OpenBag, topic: str | None) -> str:
    topics = bag.topics(IMAGES)
    if topic in topics:
        assert topic is not None
        return topic
    listed = ', '.join(topics) or 'none'
    if topic is not None:
        raise LabellingError(
            f'{str(bag.path)!r} has no images on topic {topic!r}; topics with images: {listed}'
        )
    # Several transports of one camera are one camera; this one has depth.
    pictures = [each for each in topics if not each.endswith('/compressedDepth')] or list(topics)
    bases = {each.removesuffix('/compressed') for each in pictures}
    if len(bases) != 1:
        raise LabellingError(
            f'{str(bag.path)!r} has images on several topics, choose one with --topic: {listed}'
            if topics
            else '; '.join((_without_images(bag), *bag.problems))
        )
    return pictures[0]


def _without_images(bag: OpenBag) -> str:
    """Say that a bag has no images, and which topics it has."""
    topics = [f'{topic} ({kind})' for topic, kind in bag.topics().items()]
    listed = ', '.join(topics[:MOST_TOPICS]) or 'none'
    more = len(topics) - MOST_TOPICS
    return f'{str(bag.path)!r} has no topic of {" or ".join(IMAGES)}; its topics: {listed}' + (
        f' and {more} more' if more > 0 else ''
    )
