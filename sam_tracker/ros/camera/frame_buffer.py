# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The images of the last seconds, so that a prompt can be applied to the one it was made on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
import threading
from typing import TYPE_CHECKING

from sam_tracker.core.time import SECOND
from sam_tracker.ros.messages.stamps import nanoseconds, stamp_text

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image
    from std_msgs.msg import Header

STAMP_TOLERANCE = SECOND // 1000
"""Nanoseconds by which a prompt may miss its image: stamps that went through a float still hit."""


class FrameNotFoundError(LookupError):
    """No image answers to a stamp; the text says which there are."""


@dataclass(frozen=True, eq=False)
class Frame:
    """An image as it arrived."""

    message: Image | CompressedImage
    stamp: int
    """Nanoseconds by which the tracker goes: of the header or, where that is zero, of arrival."""
    arrival: int
    """Nanoseconds of the monotonic clock."""
    epoch: int = 0
    """How often time had jumped back before; stamps compare only within an epoch."""

    def is_after(self, other: Frame) -> bool:
        return (self.epoch, self.stamp) > (other.epoch, other.stamp)

    @property
    def bytes(self) -> int:
        return len(self.message.data)


class FrameBuffer:
    """
    Frames by ascending stamp, bounded in time and in memory; any thread may call.

    The newest frame is always kept. One that is older than the newest is not taken: after a jump
    back in time ``clear`` comes first.
    """

    def __init__(self, seconds: float, megabytes: int) -> None:
        self._lock = threading.Lock()
        self._frames: list[Frame] = []
        self._bytes = 0
        self.set_bounds(seconds, megabytes)

    def set_bounds(self, seconds: float, megabytes: int) -> None:
        with self._lock:
            self._span = round(seconds * SECOND)
            self._most_bytes = megabytes * 1_000_000
            self._forget_the_oldest()

    def add(self, frame: Frame) -> None:
        with self._lock:
            if self._frames and frame.stamp <= self._frames[-1].stamp:
                return
            self._frames.append(frame)
            self._bytes += frame.bytes
            self._forget_the_oldest()

    def clear(self) -> None:
        with self._lock:
            self._frames.clear()
            self._bytes = 0

    @property
    def newest(self) -> Frame | None:
        with self._lock:
            return self._frames[-1] if self._frames else None

    @property
    def bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._frames)

    def at(self, stamp: int) -> Frame:
        """
        Return the frame of a stamp, within ``STAMP_TOLERANCE``.

        Raises ``FrameNotFoundError`` when it is not there (any more).
        """
        with self._lock:
            frames = list(self._frames)
        if not frames:
            raise FrameNotFoundError(
                f'there is no image with stamp {stamp_text(stamp)}: none has arrived yet'
            )
        frame = min(frames, key=lambda each: abs(each.stamp - stamp))
        if abs(frame.stamp - stamp) <= STAMP_TOLERANCE:
            return frame
        oldest, newest = frames[0].stamp, frames[-1].stamp
        held = (
            f'the {len(frames)} kept images go from {stamp_text(oldest)} to {stamp_text(newest)}'
        )
        if stamp < oldest:
            raise FrameNotFoundError(
                f'the image with stamp {stamp_text(stamp)} is too old: {held} (raise '
                'frame_buffer_seconds or frame_buffer_megabytes to keep more)'
            )
        if stamp > newest:
            raise FrameNotFoundError(
                f'the image with stamp {stamp_text(stamp)} has not arrived: {held}'
            )
        raise FrameNotFoundError(
            f'there is no image with stamp {stamp_text(stamp)}: {held}, and the nearest is of '
            f'{stamp_text(frame.stamp)}'
        )

    def meant_by(self, header: Header) -> Frame:
        """
        Return the frame that a request's header means: that of its stamp, or the newest.

        Raises ``FrameNotFoundError`` when it is not there, or when the images are of another
        coordinate frame than the header, if that names one.
        """
        stamp = nanoseconds(header.stamp)
        frame = self.at(stamp) if stamp else self.newest
        if frame is None:
            raise FrameNotFoundError('there is no image yet: none has arrived')
        frame_id = frame.message.header.frame_id
        if header.frame_id and header.frame_id != frame_id:
            raise FrameNotFoundError(
                f'the request is for images in frame {header.frame_id!r}, but the images are in '
                f'{frame_id!r}'
            )
        return frame

    def between(self, after: int, until: int, at_most: int) -> list[Frame]:
        """
        Return frames with after < stamp <= until, spread evenly over them, the last one included.

        :param at_most: frames to return, at least 1.
        """
        with self._lock:
            stamps = [frame.stamp for frame in self._frames]
            frames = self._frames[bisect_right(stamps, after) : bisect_right(stamps, until)]
        count = min(at_most, len(frames))
        return [frames[(index + 1) * len(frames) // count - 1] for index in range(count)]

    def _forget_the_oldest(self) -> None:
        if not self._frames:
            return
        stamps = [frame.stamp for frame in self._frames]
        first = bisect_left(stamps, stamps[-1] - self._span)
        for frame in self._frames[:first]:
            self._bytes -= frame.bytes
        while self._bytes > self._most_bytes and first < len(self._frames) - 1:
            self._bytes -= self._frames[first].bytes
            first += 1
        del self._frames[:first]
