# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a video file, at the times of its container."""

import os
from pathlib import Path
from typing import Any

import cv2

from sam_tracker.core.paths import has_utf8_name
from sam_tracker.core.time import SECOND
from sam_tracker.video.frame_source import DEFAULT_RATE, LARGEST_RATE, LATEST, Frame, VideoError

LONGEST_DAMAGE = 1000
"""Consecutive frames that cannot be decoded, after which the video ends."""

TOLERATED_LOSS = 0.1
"""Share of a video that may be missing at its end: headers only estimate how long it is."""


class VideoFile:
    """
    A video file, decoded frame by frame.

    Times are those of the container. Frames are equally spaced from the first time on that does
    not rise: some versions of OpenCV report that of the packet they read last, which goes back
    where frames are stored out of order, and others none.
    """

    def __init__(self, path: Path) -> None:
        if not has_utf8_name(path):
            raise VideoError(f'video {str(path)!r} cannot be read: its name is not UTF-8')
        if not os.access(path, os.R_OK):
            raise VideoError(f'video {str(path)!r} cannot be read: permission denied')
        self._path = path
        self._capture = self._open()
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= LARGEST_RATE else DEFAULT_RATE
        self.frame_count: int | None = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.start: int | None = None
        self.undecoded = 0
        self._number = 0
        self._clock = _ContainerClock(self.rate)
        if self.read() is None:
            raise VideoError(f'no frame of the video {str(path)!r} can be decoded')
        self.rewind()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise VideoError(f'{str(self._path)!r} is not a readable video')
        return capture

    def read(self) -> Frame | None:
        # Good frames may follow damaged ones; after the end every attempt fails.
        first = self._number
        for failed in range(LONGEST_DAMAGE):
            bgr: Any
            decoded, bgr = self._capture.read()
            number = self._number
            self._number += 1
            if decoded:
                self.undecoded += failed
                position = self._capture.get(cv2.CAP_PROP_POS_MSEC)
                return Frame(bgr, self._clock.time(number, position))
            if self._number >= (self.frame_count or 0):
                break
        if first < (1 - TOLERATED_LOSS) * (self.frame_count or 0) and not self._near_end():
            raise VideoError(
                f'the video {str(self._path)!r} ends after {first} of {self.frame_count} frames: '
                'the others cannot be decoded'
            )
        return None

    def _near_end(self) -> bool:
        """
        Return whether the last frame is about as late as the header says that the video ends.

        Where frames are not equally spaced, their number is estimated from this time.
        """
        length = (self.frame_count or 0) * SECOND / self.rate
        return self._clock.newest + SECOND / self.rate >= (1 - TOLERATED_LOSS) * length

    def rewind(self) -> None:
        # Reopened, because seeking is not exact in every container.
        self._capture.release()
        self._capture = self._open()
        self.undecoded = self._number = 0
        self._clock = _ContainerClock(self.rate)

    def close(self) -> None:
        self._capture.release()


class _ContainerClock:
    """Times of a video's frames, as its container has them while they rise."""

    def __init__(self, rate: float) -> None:
        self._period = SECOND / rate
        self._first = 0.0
        self.newest = -1
        """Time of the newest frame in nanoseconds; -1: there is none."""
        self._last_number = 0
        self._even = False

    def time(self, number: int, position: float) -> int:
        """
        Return the time of a frame in nanoseconds since the first one.

        :param number: of the frame, from 0; damaged frames count.
        :param position: of the frame in milliseconds, as OpenCV reports it.
        """
        if self.newest < 0:
            self._first = position
            time = round(number * self._period)
        else:
            exact = (position - self._first) * SECOND / 1000
            if self._even or not self.newest + 1 <= exact < LATEST:
                self._even = True
                exact = self.newest + (number - self._last_number) * self._period
            time = round(exact)
        self.newest, self._last_number = time, number
        return time
