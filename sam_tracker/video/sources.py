# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Opens sources of frames: a video file, a folder of images, or a generated test pattern."""

import os
from typing import Any

import cv2
import numpy as np

from sam_tracker.core.paths import expanded, missing
from sam_tracker.core.time import SECOND
from sam_tracker.video.frame_source import DEFAULT_RATE, Frame, FrameSource, VideoError
from sam_tracker.video.image_folder import ImageFolder
from sam_tracker.video.test_pattern import draw_frame_number, pattern_background
from sam_tracker.video.video_file import VideoFile

PATTERN = 'pattern'
"""Name of the source that generates the test pattern."""
PATTERN_SIZE = (1280, 720)
"""Default width and height of the pattern, in pixels."""

MOST_PIXELS = 64_000_000
"""Pixels of a resized or drawn frame, at most: enlarging a narrow image may take gigabytes."""


def silence_decoders() -> None:
    """
    Stop OpenCV and FFmpeg from writing to stderr, since VideoError reports the same.

    Call it before the first video is opened. Both settings apply to the whole process. The FFmpeg
    of OpenCV 4.5 has no such setting.
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
