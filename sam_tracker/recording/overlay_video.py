# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An mp4 file of stamped pictures."""

import itertools
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.paths import has_utf8_name
from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordingError

Picture = NDArray[np.uint8]

# Pictures from whose stamps the rate is estimated.
RATE_SAMPLES = 8
DEFAULT_RATE = 30.0
SMALLEST_RATE, LARGEST_RATE = 0.1, 240.0

LONGEST_SIDE = 8190
"""Pixels; the limit of MPEG-4."""

CODECS = ('avc1', 'mp4v')
"""Codecs in the order of trial: browsers play only avc1, which few builds of OpenCV can write."""


class OverlayVideo:
    """
    Writes pictures to an mp4 file of constant rate.

    The first picture sets the size of the video; others are scaled to fit. Odd widths and heights
    are padded with a black column or row, because mp4 requires even ones.
    """

    def __init__(self, path: Path, rate: float = 0.0, codec: str = 'auto') -> None:
        """
        Store the settings; the file is created after the first pictures.

        :param path: of the file, replaced if it exists.
        :param rate: pictures per second of the video; 0: estimated from the first stamps.
        :param codec: four characters as in mp4, such as ``vp09``; auto: the first of CODECS that
            this OpenCV can write.
        """
        self._path = path
        self._codecs = CODECS if codec == 'auto' else (codec,)
        self._rate = rate
        self._waiting: list[tuple[int, Picture]] = []
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._written = 0

    def add(self, stamp: int, picture: Picture) -> None:
        """
        Append a picture.

        :param stamp: nanoseconds.
        :param picture: (height, width, 3) uint8 BGR; stored, must not be modified afterwards.
        :raises RecordingError: the file cannot be opened, or its name is not UTF-8.
        """
        if self._writer is None:
            self._waiting.append((stamp, picture))
            if self._rate or len(self._waiting) == RATE_SAMPLES:
                self._open()
        else:
            self._write(picture)

    def finish(self) -> list[Path]:
        """
        Close the file and check that every picture can be played back.

        :returns: the path of the file; empty if there were no pictures.
        :raises RecordingError: pictures are missing; OpenCV does not report a full disk.
        """
        if self._writer is None:
            if not self._waiting:
                return []
            self._open()
        assert self._writer is not None
        self._writer.release()
        capture = cv2.VideoCapture(str(self._path))
        playable = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.read()[0] else 0
        capture.release()
        if playable < self._written:
            raise RecordingError(
                f'only {max(playable, 0)} of {self._written} pictures can be played back from '
                f'{str(self._path)!r}: is the disk full?'
            )
        return [self._path]

    def _open(self) -> None:
        if not has_utf8_name(self._path):
            raise RecordingError(
                f'the video {str(self._path)!r} cannot be written: its name is not UTF-8'
            )
        rate = self._rate or _rate([stamp for stamp, _ in self._waiting])
        height, width = self._waiting[0][1].shape[:2]
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        height, width = max(round(height * scale), 1), max(round(width * scale), 1)
        self._size = (width + width % 2, height + height % 2)
        for codec in self._codecs:
            fourcc = cv2.VideoWriter.fourcc(*codec)
            self._writer = cv2.VideoWriter(str(self._path), fourcc, rate, self._size)
            if self._writer.isOpened():
                break
        else:
            raise RecordingError(
                f'the video {str(self._path)!r} cannot be written as {" or ".join(self._codecs)}'
            )
        for _, picture in self._waiting:
            self._write(picture)
        self._waiting = []

    def _write(self, picture: Picture) -> None:
        assert self._writer is not None
        self._writer.write(_fitted(picture, *self._size))
        self._written += 1


def _rate(stamps: list[int]) -> float:
    steps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    forward = [step for step in steps if step > 0]
    if not forward:
        return DEFAULT_RATE
    return min(max(SECOND / median(forward), SMALLEST_RATE), LARGEST_RATE)


def _fitted(picture: Picture, width: int, height: int) -> Picture:
    """Return the picture in this size, scaled to fit and padded with black right and below."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    if not (scale >= 1 and width - picture.shape[1] < 2 and height - picture.shape[0] < 2):
        size = (max(int(picture.shape[1] * scale), 1), max(int(picture.shape[0] * scale), 1))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    right, below = width - picture.shape[1], height - picture.shape[0]
    if right == below == 0:
        return picture
    bordered = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
    return np.asarray(bordered, np.uint8)
