# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The result of the first pass over a recording, kept so that no later run repeats the pass.

It holds as long as the files of the recording keep their sizes and times of change. The file is
JSON: an output folder may come from another machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import cv2

from sam_tracker.core.paths import visible
from sam_tracker.labelling.recording import ImageInfo

FORMAT = 2
"""Version of the results of a pass; files of another version are not used."""


@dataclass(frozen=True)
class RecordingIndex:
    """The N images of a recording that can be read, and how to find each again."""

    images: Sequence[ImageInfo]
    digest: str
    """Hexadecimal, of all pixels and stamps."""
    problems: Sequence[str]
    places: Sequence[int] = ()
    """[N] number of each image among all that the file has, also damaged ones."""
    checksums: Sequence[int] = ()
    """[N] of the pixels of a video."""
    limits: Sequence[tuple[float, float] | None] = ()
    """[N] range of the 16-bit images before each, which depends on all of them."""
    every_received: Sequence[int] = ()
    """Nanoseconds at which each message of a bag's topic was recorded, also damaged ones."""


class IndexFile:
    """A file with the index of one recording."""

    def __init__(self, path: Path, source: Path, topic: str | None) -> None:
        """
        Measure the files of a recording.

        :param path: of the index; its folder may be missing.
        :param source: file or folder of the recording.
        :raises OSError: it cannot be read.
        """
        self._path = path
        files = [source]
        if source.is_dir():
            # Not folders: one may be that of the labels.
            files = [each for each in visible(source.iterdir()) if each.is_file()]
        digest = hashlib.sha256(f'{FORMAT} {cv2.__version__} {topic}'.encode())
        for file in sorted(files):
            status = file.stat()
            digest.update(f'{file.name} {status.st_size} {status.st_mtime_ns}\n'.encode())
        self._key = digest.hexdigest()

    def read(self) -> RecordingIndex | None:
        """Return the index; None: there is none, it is damaged, or the recording has changed."""
        with suppress(OSError, ValueError, LookupError, TypeError):
            found = json.loads(self._path.read_text(encoding='utf-8'))
            if found['key'] == self._key:
                return _from_json(found['index'])
        return None

    def write(self, index: RecordingIndex) -> None:
        """
        Write the index in place of the one before, all or nothing.

        :raises OSError: it cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix('.part')
        with part.open('w', encoding='utf-8') as file:
            file.write(json.dumps({'key': self._key, 'index': asdict(index)}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)


def _from_json(fields: dict[str, Any]) -> RecordingIndex:
    """
    Return an index from the fields that ``asdict`` made of it.

    :raises KeyError: one is missing.
    :raises TypeError: they are those of another value.
    """
    images = [ImageInfo(**each) for each in fields['images']]
    limits = [None if each is None else (each[0], each[1]) for each in fields['limits']]
    return RecordingIndex(**{**fields, 'images': images, 'limits': limits})
