# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Frames as messages to the page, encoded once for all viewers that want the same size."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
from sensor_msgs.msg import CompressedImage

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.recording.frame import RecordedFrame
from sam_tracker.ros.images.compressed import JPEG_END, JPEG_START
from sam_tracker.ros.images.conversion import rgb_image
from sam_tracker.ros.messages.recorded_tracks import check_size, recorded_frame
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.web.frame_packet import frame_packet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sam_tracker.nodes.console.live_frames import LiveFrame
    from sam_tracker.nodes.console.pace import Level


class PictureEncoder:
    """Encodes frames on one thread of its own, so that the console takes one core at most."""

    def __init__(self, maximum_width: int, quality: int) -> None:
        """
        Start the thread; ``close`` ends it.

        :param maximum_width: in pixels; larger images are scaled down.
        :param quality: of JPEG, 1 to 100.
        """
        self._maximum_width = maximum_width
        self._quality = quality
        self._pool = ThreadPoolExecutor(1, thread_name_prefix='pictures')

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def packet(
        self, tracker: str, frame: LiveFrame, dynamic_range: DynamicRange, level: Level
    ) -> bytes:
        """
        Return the message of a frame of a tracker; see ``frame_packet``.

        :raises ImageError: the image cannot be read.
        :raises TrackMessageError: the tracks contradict themselves or the image.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._pool, self._packet, tracker, frame, dynamic_range, level
        )

    def _packet(
        self, tracker: str, frame: LiveFrame, dynamic_range: DynamicRange, level: Level
    ) -> bytes:
        image, tracks = frame.image, frame.tracks
        if (data := _sent_as_it_came(frame, level, self._maximum_width)) is not None:
            assert tracks is not None
            return frame_packet(recorded_frame(tracks), data, tracker=tracker)
        pixels = rgb_image(image, dynamic_range)
        height, width = pixels.shape[:2]
        if tracks is None:
            stamp, frame_id = nanoseconds(image.header.stamp), image.header.frame_id
            recorded = RecordedFrame(stamp, frame_id, width, height, [])
        else:
            recorded = recorded_frame(tracks)
            check_size(recorded, pixels)
        jpeg = self._jpeg(pixels, level)
        return frame_packet(recorded, jpeg, tracker=tracker, tracked=tracks is not None)

    def _jpeg(self, rgb: NDArray[np.uint8], level: Level) -> bytes:
        height, width = rgb.shape[:2]
        scale = level.scale * min(1.0, self._maximum_width / width)
        picture: Any = rgb
        if scale < 1.0:
            size = max(round(width * scale), 1), max(round(height * scale), 1)
            picture = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        quality = max(self._quality * level.quality // 100, 1)
        _, data = cv2.imencode(
            '.jpg',
            cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
            (cv2.IMWRITE_JPEG_QUALITY, quality),
        )
        return data.tobytes()


def _sent_as_it_came(frame: LiveFrame, level: Level, maximum_width: int) -> bytes | None:
    """Return the camera's own JPEG where a browser shows it as the tracker saw it, or None."""
    image, tracks = frame.image, frame.tracks
    if (
        not isinstance(image, CompressedImage)
        or tracks is None
        or level.scale < 1.0
        or tracks.image_width > maximum_width
        # Such publishers have exchanged red and blue.
        or 'compressed rgb' in image.format
    ):
        return None
    data = bytes(image.data)
    # A turned image, by its EXIF header, and a damaged one are decoded here.
    plain = data.startswith(JPEG_START) and data.endswith(JPEG_END) and b'Exif' not in data[:64]
    return data if plain else None


class Picture:
    """One frame and its messages, each encoded at the first request."""

    def __init__(
        self,
        tracker: str,
        frame: LiveFrame,
        encoder: PictureEncoder,
        dynamic_range: DynamicRange,
    ) -> None:
        """
        Encode nothing yet.

        :param tracker: its name.
        :param dynamic_range: of the camera, used by the encoder's thread.
        """
        self._tracker = tracker
        self._frame = frame
        self._encoder = encoder
        self._dynamic_range = dynamic_range
        self._packets: dict[Level, asyncio.Task[bytes]] = {}

    async def packet(self, level: Level) -> bytes:
        """
        Return the message at a level.

        :raises ImageError: the image cannot be read.
        :raises TrackMessageError: the tracks contradict themselves or the image.
        """
        task = self._packets.get(level)
        if task is None:
            work = self._encoder.packet(self._tracker, self._frame, self._dynamic_range, level)
            task = self._packets[level] = asyncio.ensure_future(work)
        # A viewer that leaves meanwhile must not cancel what others wait for.
        return await asyncio.shield(task)
