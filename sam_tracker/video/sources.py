# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Read frames from a video file, a folder of images, or a generated test pattern."""

from dataclasses import dataclass
from decimal import Decimal
import os
from pathlib import Path
import re
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.paths import expanded, missing, visible
from sam_tracker.core.time import SECOND
from sam_tracker.image_files import ImageFileError, read_image
from sam_tracker.video.test_pattern import draw_frame_number, pattern_background

PATTERN = 'pattern'
"""Name of the source that generates the test pattern."""
PATTERN_SIZE = (1280, 720)
"""Default width and height of the pattern, in pixels."""

DEFAULT_RATE = 30.0
"""Frames per second of a source without timing."""

IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp'}

MOST_PIXELS = 64_000_000
"""Pixels of a resized or drawn frame, at most: enlarging a narrow image may take gigabytes."""

LONGEST_DAMAGE = 1000
"""Consecutive frames that cannot be decoded, after which the video ends."""

TOLERATED_LOSS = 0.1
"""Share of the frames of a video that may be missing at its end: headers only estimate them."""

LATEST = 2**31 * SECOND
"""Nanoseconds; the seconds of a stamp have 31 bits."""

# Some containers claim thousands of frames per second, which no real video has.
LARGEST_RATE = 1000.0


class VideoError(ValueError):
    """A video or a folder of images that cannot be read; the text names it."""


@dataclass(frozen=True)
class Frame:
    """One frame of a source."""

    bgr: NDArray[np.uint8]
    """(height, width, 3), valid until the next ``read``."""
    nanoseconds: int
    """Time in the recording, 0 for the first frame."""


class FrameSource(Protocol):
    """A source of frames of one size."""

    rate: float
    """Frames per second."""
    frame_count: int | None
    """None for an endless source; for a file what its header claims."""
    start: int | None
    """When the first frame was recorded, in nanoseconds since 1970; None if unknown."""

    @property
    def undecoded(self) -> int:
        """Number of damaged frames skipped since the start."""

    def read(self) -> Frame | None:
        """
        Return the next frame, or None after the last.

        :raises VideoError: the next frame cannot be read.
        """

    def rewind(self) -> None:
        """Go back to the start."""

    def close(self) -> None:
        """Close the file."""


def silence_decoders() -> None:
    """
    Stop OpenCV and FFmpeg from writing to stderr, since VideoError reports the same.

    Call it before the first video is opened. Both settings apply to the whole process.
    """
    # The function moved within OpenCV 4.
    namespace: Any = cv2 if hasattr(cv2, 'setLogLevel') else cv2.utils.logging
    namespace.setLogLevel(0)  # silent
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')  # AV_LOG_QUIET


def open_source(name: str, width: int = 0, height: int = 0) -> FrameSource:
    """
    Open a source of frames.

    :param name: path of a video file or of a folder of images, or ``pattern``.
    :param width: of the frames, in pixels; 0: derived from the height to keep the aspect ratio,
        or that of the source if both are 0.
    :param height: likewise.
    :raises VideoError: the source is missing, unreadable, or has no frame.
    """
    if name == PATTERN:
        own_width, own_height = PATTERN_SIZE
        width, height = (
            width or round(height * own_width / own_height) or own_width,
            height or round(width * own_height / own_width) or own_height,
        )
        _check_size(width, height)
        try:
            return TestPattern(width, height)
        except ValueError as error:
            raise VideoError(str(error)) from error
    path = expanded(name)
    if reason := missing(path) if name else 'does not exist':
        raise VideoError(f'source {name!r} {reason}: give a video, a folder, or {PATTERN}')
    source: FrameSource = ImageFolder(path) if path.is_dir() else VideoFile(path)
    return Resized(source, width, height) if width or height else source


class VideoFile:
    """
    A video file, decoded frame by frame.

    Times are those of the container. Frames are equally spaced from the first time on that does
    not rise: some versions of OpenCV report that of the packet they read last, which goes back
    where frames are stored out of order, and others none.
    """

    def __init__(self, path: Path) -> None:
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
        missing = (self.frame_count or 0) - first
        if missing > TOLERATED_LOSS * (self.frame_count or 0):
            raise VideoError(
                f'the video {str(self._path)!r} ends after {first} of {self.frame_count} frames: '
                'the others cannot be decoded'
            )
        return None

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
        self._last = -1
        self._last_number = 0
        self._even = False

    def time(self, number: int, position: float) -> int:
        """
        Return the time of a frame in nanoseconds since the first one.

        :param number: of the frame, from 0; damaged frames count.
        :param position: of the frame in milliseconds, as OpenCV reports it.
        """
        if self._last < 0:
            self._first = position
            time = round(number * self._period)
        else:
            exact = (position - self._first) * SECOND / 1000
            if self._even or not self._last + 1 <= exact < LATEST:
                self._even = True
                exact = self._last + (number - self._last_number) * self._period
            time = round(exact)
        self._last, self._last_number = time, number
        return time


class ImageFolder:
    """
    The images of a folder, in the natural order of their names (`2.png` before `10.png`).

    File names that are times set the times of the frames: seconds with a decimal point as in the
    TUM data sets, or nanoseconds of at least 16 digits as in EuRoC's.
    """

    undecoded = 0

    def __init__(self, path: Path) -> None:
        images = [
            each
            for each in visible(path.iterdir())
            if each.suffix.lower() in IMAGE_SUFFIXES and each.is_file()
        ]
        if not images:
            raise VideoError(
                f'folder {str(path)!r} has no images: looked for '
                f'{", ".join(sorted(IMAGE_SUFFIXES))}'
            )
        self._paths = sorted(images, key=natural_order)
        self._next = 0
        self.frame_count: int | None = len(images)
        self.start, self._times, self.rate = _timeline([recorded(each) for each in self._paths])
        self._range = DynamicRange()
        self._shape = _read_image(self._paths[0], self._range).shape

    def read(self) -> Frame | None:
        if self._next == len(self._paths):
            return None
        path = self._paths[self._next]
        bgr = _read_image(path, self._range)
        if bgr.shape != self._shape:
            raise VideoError(
                f'image {str(path)!r} is {bgr.shape[1]}x{bgr.shape[0]}, but the first image of '
                f'its folder is {self._shape[1]}x{self._shape[0]}: all must have one size'
            )
        frame = Frame(bgr, self._times[self._next])
        self._next += 1
        return frame

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        pass


class TestPattern:
    """An endless test pattern: colour bars, a moving square, and the number of the frame."""

    __test__ = False  # or pytest would collect the class

    undecoded = 0

    def __init__(self, width: int, height: int) -> None:
        self.rate = DEFAULT_RATE
        self.frame_count: int | None = None
        self.start: int | None = None
        self._background = pattern_background(width, height)
        self._bgr = self._background.copy()
        self._number = 0

    def read(self) -> Frame | None:
        np.copyto(self._bgr, self._background)
        draw_frame_number(self._bgr, self._number)
        frame = Frame(self._bgr, round(self._number * SECOND / self.rate))
        self._number += 1
        return frame

    def rewind(self) -> None:
        self._number = 0

    def close(self) -> None:
        pass


class Resized:
    """Frames of another source, resized."""

    def __init__(self, source: FrameSource, width: int, height: int) -> None:
        self._source = source
        self._width, self._height = width, height
        self.rate, self.frame_count, self.start = source.rate, source.frame_count, source.start

    def read(self) -> Frame | None:
        frame = self._source.read()
        if frame is None:
            return None
        height, width = frame.bgr.shape[:2]
        new_width = self._width or max(1, round(width * self._height / height))
        new_height = self._height or max(1, round(height * self._width / width))
        _check_size(new_width, new_height)
        # Averaged when reduced, or fine detail would flicker.
        method = cv2.INTER_AREA if new_width < width else cv2.INTER_LINEAR
        bgr: Any = cv2.resize(frame.bgr, (new_width, new_height), interpolation=method)
        return Frame(bgr, frame.nanoseconds)

    @property
    def undecoded(self) -> int:
        return self._source.undecoded

    def rewind(self) -> None:
        self._source.rewind()

    def close(self) -> None:
        self._source.close()


def _check_size(width: int, height: int) -> None:
    """
    Check a size before there is memory for it.

    :raises VideoError: it is more than MOST_PIXELS.
    """
    if width * height > MOST_PIXELS:
        raise VideoError(
            f'frames of {width}x{height} pixels are too large: at most '
            f'{MOST_PIXELS // 1_000_000} million are made'
        )


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Return a sort key that compares numbers in a name by value."""
    parts = re.split(r'(\d+)', path.name)
    return [(0, int(part), '') if part.isdecimal() else (1, 0, part) for part in parts]


def recorded(path: Path) -> int | None:
    """Return the time in a file name in nanoseconds; None if absent or too large for a stamp."""
    name = path.name.removesuffix(path.suffix)
    if re.fullmatch(r'\d{16,}', name):
        time = int(name)
    elif re.fullmatch(r'\d+\.\d+', name):
        time = round(Decimal(name) * SECOND)
    else:
        return None
    return time if time < LATEST else None


def _timeline(times: list[int | None]) -> tuple[int | None, list[int], float]:
    """Return the start, nanoseconds from it for each frame, and the rate in frames per second."""
    known = [time for time in times if time is not None]
    steps = np.diff(known)
    if len(known) == len(times) > 1 and (steps > 0).all():
        rate = min(float(SECOND / np.median(steps)), LARGEST_RATE)
        return known[0], [time - known[0] for time in known], rate
    frames = range(len(times))
    return None, [round(number * SECOND / DEFAULT_RATE) for number in frames], DEFAULT_RATE


def _read_image(path: Path, dynamic_range: DynamicRange) -> NDArray[np.uint8]:
    try:
        return read_image(path, dynamic_range)
    except ImageFileError as error:
        raise VideoError(str(error)) from error
