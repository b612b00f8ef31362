# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of a recording of any kind, and functions that read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
import tempfile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.time import SECOND

Image = NDArray[np.uint8]
"""[H, W, 3] RGB."""

CHUNK_BYTES = 1 << 30
"""Pixels that are on the disk at once while a recording is read backwards."""

PERIOD = SECOND // 30
"""Nanoseconds from image to image where the times are unknown."""


class LabellingError(Exception):
    """A recording, prompt file or folder that cannot be used; the text names it and the reason."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image of a recording that can be read."""

    name: str
    """Of its file, or its place in the recording."""
    stamp: int
    """Nanoseconds, as the recording has it: of the image's header, or since the video began."""
    width: int
    height: int
    frame_id: str = ''
    """Of the image's header."""


class Recording(Protocol):
    """Images that can be read any number of times, always with the same pixels."""

    @property
    def images(self) -> Sequence[ImageInfo]:
        """All images that can be read, in the order in which they were recorded."""

    @property
    def problems(self) -> Sequence[str]:
        """What could not be read, one line each."""

    @property
    def digest(self) -> str:
        """Hexadecimal digest of all pixels and stamps."""

    def read(self, start: int, stop: int) -> Iterator[Image]:
        """
        Read the images from number ``start`` up to, but without, number ``stop``.

        :raises LabellingError: the files have changed since they were opened.
        """

    def close(self) -> None:
        """Close all files."""


Progress = Callable[[int, int | None], None]
"""Called with the images that were read so far, and how many there are, if that is known."""


def read_frames(
    recording: Recording, numbers: Sequence[int], folder: Path
) -> Iterator[tuple[int, Image]]:
    """
    Read images in ascending or in descending order, each once; one is in memory at a time.

    Backwards, images are read in chunks of at most ``CHUNK_BYTES`` through a temporary file, since
    videos are only read forwards, and each chunk costs a seek to the key frame before it.

    :param numbers: of the images, all ascending or all descending.
    :param folder: for the temporary file.
    :raises OSError: the file cannot be written.
    """
    for run in _runs(numbers):
        if run[0] <= run[-1]:
            yield from zip(run, recording.read(run[0], run[-1] + 1), strict=True)
            continue
        for chunk in _chunks(recording.images, run):
            images = _backwards(recording.read(chunk[-1], chunk[0] + 1), folder)
            yield from zip(chunk, images, strict=True)


def _backwards(images: Iterator[Image], folder: Path) -> Iterator[Image]:
    """Yield images from the last to the first."""
    shapes: list[tuple[int, ...]] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for image in images:
            file.write(np.ascontiguousarray(image).data)
            shapes.append(image.shape)
        start = file.tell()
        while shapes:
            image = np.empty(shapes.pop(), np.uint8)
            start -= image.nbytes
            file.seek(start)
            file.readinto(image.data)
            yield image


def _chunks(images: Sequence[ImageInfo], run: range) -> Iterator[range]:
    """Split a run into parts of at most ``CHUNK_BYTES``, or of one image."""
    start = held = 0
    for index, number in enumerate(run):
        size = 3 * images[number].width * images[number].height
        if index > start and held + size > CHUNK_BYTES:
            yield run[start:index]
            start, held = index, 0
        held += size
    yield run[start:]


def _runs(numbers: Sequence[int]) -> Iterator[range]:
    """Split numbers into runs without a gap."""
    start = 0
    for index in range(1, len(numbers) + 1):
        step = 1 if numbers[0] <= numbers[-1] else -1
        if index == len(numbers) or numbers[index] != numbers[index - 1] + step:
            yield range(numbers[start], numbers[index - 1] + step, step)
            start = index


def times(images: Sequence[ImageInfo], received: Sequence[int] = ()) -> tuple[list[int], str]:
    """
    Return strictly ascending times for the motion model, and what was wrong with the stamps.

    Stamps that do not ascend are replaced by the times at which the images were recorded, and
    these, if they do not ascend either, by a rate of 30 images per second.

    :param received: nanoseconds, when each image was recorded; empty: not known.
    """
    stamps = [image.stamp for image in images]
    if _ascend(stamps):
        return stamps, ''
    wrong = next(number for number, (a, b) in enumerate(pairwise(stamps), 1) if b <= a)
    problem = (
        f'stamps do not ascend (image {wrong} has {stamps[wrong]} ns after {stamps[wrong - 1]} ns)'
    )
    if received and _ascend(received):
        return list(received), f'{problem}; the times of recording are used for the motion'
    return [number * PERIOD for number in range(len(stamps))], (
        f'{problem}; 30 images per second are assumed for the motion'
    )


def _ascend(values: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(values))
