# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a folder of images, at the times in their names."""

from decimal import Decimal
from pathlib import Path
import re

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.paths import visible
from sam_tracker.core.time import SECOND
from sam_tracker.image_files import ImageFileError, read_image
from sam_tracker.video.frame_source import DEFAULT_RATE, LARGEST_RATE, LATEST, Frame, VideoError

IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp'}


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
