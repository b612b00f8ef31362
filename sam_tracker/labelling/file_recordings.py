# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Videos and folders of images as recordings."""

from __future__ import annotations

from collections.abc import Iterator
import hashlib
from pathlib import Path
from typing import Any
import zlib

import cv2
import numpy as np

from sam_tracker.core.dynamic_range import DynamicRange
from sam_tracker.core.paths import visible
from sam_tracker.image_files import ImageFileError, read_image
from sam_tracker.labelling.recording import Image, ImageInfo, LabellingError, Progress
from sam_tracker.labelling.recording_index import RecordingIndex
from sam_tracker.video.frame_source import Frame, VideoError
from sam_tracker.video.image_folder import IMAGE_SUFFIXES, natural_order, recorded
from sam_tracker.video.video_file import VideoFile


class VideoRecording:
    """
    A video file.

    It is decoded once when it is first opened. Later reads seek; their first images are compared
    with the checksums of the first pass, since seeking is not exact in every container, and where
    they differ the video is decoded from its beginning.
    """

    def __init__(
        self, path: Path, progress: Progress, index: RecordingIndex | None = None
    ) -> None:
        """
        Decode the whole video once, unless its index is known.

        :param index: of the video as it is now.
        :raises LabellingError: it is no readable video.
        """
        self._path = path
        self._source = self._opened()
        self._seeks = True
        self._next = 0
        self.problems: list[str] = []
        self.index = self._indexed(progress) if index is None else index
        self.problems = list(self.index.problems)
        self.images, self.digest = self.index.images, self.index.digest

    def read(self, start: int, stop: int) -> Iterator[Image]:
        number = start
        if self._seeks and start and start != self._next:
            for image in self._sought(start, stop):
                yield image
                number += 1
        if number < stop:
            yield from self._decoded(number, stop)

    def close(self) -> None:
        self._source.close()

    def _opened(self) -> VideoFile:
        try:
            return VideoFile(self._path)
        except VideoError as error:
            raise LabellingError(str(error)) from error

    def _indexed(self, progress: Progress) -> RecordingIndex:
        """Decode the whole video."""
        images: list[ImageInfo] = []
        places: list[int] = []
        checksums: list[int] = []
        digest = hashlib.sha256()
        while (frame := self._next_frame()) is not None:
            height, width = frame.bgr.shape[:2]
            places.append(len(images) + self._source.undecoded)
            images.append(ImageInfo(f'{places[-1]}', frame.nanoseconds, width, height))
            checksums.append(zlib.adler32(frame.bgr.data))
            digest.update(f'{frame.nanoseconds} {width} {checksums[-1]}\n'.encode())
            progress(len(images), self._source.frame_count)
        if self._source.undecoded:
            self.problems.append(f'{self._source.undecoded} damaged frames were left out')
        self._next = len(images)
        return RecordingIndex(
            images, digest.hexdigest(), tuple(self.problems), places=places, checksums=checksums
        )

    def _next_frame(self) -> Frame | None:
        """Return the next frame; what ends the video early is no error, but a problem."""
        try:
            return self._source.read()
        except VideoError as error:
            self.problems.append(str(error))
            return None

    def _sought(self, start: int, stop: int) -> Iterator[Image]:
        """Yield images after a seek, up to the first that is not the one expected."""
        capture = cv2.VideoCapture(str(self._path))
        try:
            capture.set(cv2.CAP_PROP_POS_FRAMES, self.index.places[start])
            for number in range(start, stop):
                bgr: Any
                decoded, bgr = capture.read()
                if not decoded or zlib.adler32(bgr.data) != self.index.checksums[number]:
                    self._seeks = False
                    return
                yield _rgb(bgr)
        finally:
            capture.release()

    def _decoded(self, start: int, stop: int) -> Iterator[Image]:
        """Yield images decoded in order, from the beginning if the decoder is already past."""
        if self._next > start:
            self._source.rewind()
            self._next = 0
        while self._next < stop:
            frame = self._next_frame()
            if frame is None or zlib.adler32(frame.bgr.data) != self.index.checksums[self._next]:
                raise LabellingError(f'{str(self._path)!r} has changed since it was opened')
            self._next += 1
            if self._next > start:
                yield _rgb(frame.bgr)


class FolderRecording:
    """The images of a folder in the natural order of their names; sizes may change."""

    def __init__(
        self, path: Path, progress: Progress, index: RecordingIndex | None = None
    ) -> None:
        """
        Read all images once, unless the index of the folder is known.

        :param index: of the folder as it is now.
        :raises LabellingError: the folder has no readable image.
        """
        self._path = path
        self.index = _indexed_folder(path, progress) if index is None else index
        self.images, self.digest = self.index.images, self.index.digest
        self.problems = list(self.index.problems)

    def read(self, start: int, stop: int) -> Iterator[Image]:
        for number in range(start, stop):
            path = self._path / self.images[number].name
            try:
                bgr = read_image(path, DynamicRange(self.index.limits[number]))
            except ImageFileError as error:
                raise LabellingError(f'{error}, but it was when the folder was opened') from error
            yield _rgb(bgr)

    def close(self) -> None:
        pass


def _indexed_folder(path: Path, progress: Progress) -> RecordingIndex:
    """
    Read all images of a folder.

    :raises LabellingError: it has no readable image.
    """
    paths = [each for each in visible(path.iterdir()) if each.suffix.lower() in IMAGE_SUFFIXES]
    paths.sort(key=natural_order)
    stamps = [recorded(each) for each in paths]
    known = all(stamp is not None for stamp in stamps)
    digest, shared = hashlib.sha256(), DynamicRange()
    images: list[ImageInfo] = []
    problems: list[str] = []
    every_limits: list[tuple[float, float] | None] = []
    for number, each in enumerate(paths):
        limits = shared.limits
        try:
            bgr = read_image(each, shared)
        except ImageFileError as error:
            problems.append(f'{error}; left out')
            continue
        stamp = stamps[number] if known else None
        height, width = bgr.shape[:2]
        nominal = round(number * 1_000_000_000 / 30)
        images.append(ImageInfo(each.name, nominal if stamp is None else stamp, width, height))
        every_limits.append(limits)
        digest.update(f'{each.name} {bgr.shape} {zlib.adler32(bgr.data)}\n'.encode())
        progress(number + 1, len(paths))
    if not images:
        raise LabellingError(f'folder {str(path)!r} has no readable image')
    return RecordingIndex(images, digest.hexdigest(), problems, limits=every_limits)


def _rgb(bgr: Image) -> Image:
    return np.ascontiguousarray(bgr[..., ::-1])
