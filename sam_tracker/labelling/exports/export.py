# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of an export format, and helpers that the formats share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.labelling.labels import LabelSet
from sam_tracker.labelling.recording import LabellingError, Recording

JPEG_QUALITY = 95


@dataclass(frozen=True)
class Exported:
    """One labelled recording, the input of an export."""

    name: str
    """Unique among the recordings that are written to one folder."""
    recording: Recording
    labels: LabelSet
    categories: Sequence[str]
    """Labels of all recordings that are written to one folder."""

    def category(self, object_id: int) -> int:
        """Return the number of an object's label, from 0."""
        return self.categories.index(self.labels.category(object_id))

    def number(self, image: int) -> str:
        """Return the number of an image for the name of its file; all have the same length."""
        return f'{image:0{max(len(str(len(self.recording.images) - 1)), 5)}}'

    def file_name(self, image: int) -> str:
        """Return the name of an image in a folder of images of all recordings."""
        return f'{self.name}/{self.number(image)}.jpg'


class Export(Protocol):
    """Writes the labels of one recording in one format; equal labels give equal bytes."""

    def __call__(self, exported: Exported, folder: Path) -> None:
        """
        Write the labels.

        :param folder: of this format, shared by all recordings; created.
        :raises OSError: a file cannot be written.
        """


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that replaces the earlier one once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        with part.open('wb') as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """
    Hold a lock against other processes.

    :param folder: exists.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_jpeg(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write an image [H, W, 3] RGB as a JPEG file."""
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    done, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise LabellingError(f'{str(path)!r} cannot be encoded')
    with replacing(path) as file:
        file.write(data.tobytes())


def emptied(folder: Path, suffixes: tuple[str, ...]) -> Path:
    """Create a folder, and remove the files of an earlier export from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.suffix in suffixes and path.is_file():
            path.unlink()
    return folder
