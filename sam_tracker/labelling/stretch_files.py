# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The tracks of stretches on the disk, one file for each, named by all that its content depends on.

So a stretch that is there is never propagated again: that is what makes a run resumable, and a
correction redo only what it touches.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import asdict
import hashlib
import json
import os
from pathlib import Path
from typing import BinaryIO

from sam_tracker.labelling.labelled_track import LabelledTrack, line
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.stretch import Stretch

FORMAT = 2
"""Version of the results of the engine; files of another version are not used."""


def stretch_key(stretch: Stretch, prompts: ObjectPrompts, context: str) -> str:
    """
    Return the name of a stretch: a digest of all that its tracks depend on.

    :param context: digest of the recording, the weights and the settings.
    """
    digests = {str(frame): prompts.digest(frame) for frame in stretch.conditioning}
    fields = {'format': FORMAT, 'context': context, 'said': digests, **asdict(stretch)}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:20]


class StretchFile:
    """The tracks of a finished stretch, any of which can be read."""

    def __init__(self, path: Path, stretch: Stretch) -> None:
        """
        Find the tracks in the file; it is open only while they are read.

        :raises OSError: there is none.
        """
        self._path = path
        self._stretch = stretch
        self._offsets = array('q', [0])
        with path.open('rb') as file:
            for each in file:
                self._offsets.append(self._offsets[-1] + len(each))

    def read(self, frame: int) -> LabelledTrack:
        """Return the track on a frame of the stretch."""
        index = (frame - self._stretch.start) * self._stretch.direction - 1
        # Open files would limit the prompts of a recording.
        with self._path.open('rb') as file:
            file.seek(self._offsets[index])
            text = file.read(self._offsets[index + 1] - self._offsets[index])
        return LabelledTrack.from_json(json.loads(text))


class StretchFiles:
    """A folder of stretches, of which some are being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, BinaryIO] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, key: str) -> bool:
        """Return whether a stretch is finished."""
        return self._path(key).exists()

    def opened(self, key: str, stretch: Stretch) -> StretchFile:
        """Open a finished stretch."""
        return StretchFile(self._path(key), stretch)

    def write(self, key: str, track: LabelledTrack) -> None:
        """Append a track to a stretch, which is created by the first."""
        if key not in self._open:
            self._open[key] = self._part(key).open('wb')
        self._open[key].write(line(track.json()))

    def finish(self, key: str) -> None:
        """Complete a stretch."""
        file = self._open.pop(key)
        file.flush()
        os.fsync(file.fileno())
        file.close()
        self._part(key).replace(self._path(key))

    def lengths(self) -> dict[str, int]:
        """Write everything to the disk, and return the bytes of each unfinished stretch."""
        found = {}
        for key, file in self._open.items():
            file.flush()
            os.fsync(file.fileno())
            found[key] = file.tell()
        return found

    def resume(self, lengths: Mapping[str, int]) -> None:
        """
        Continue from the result of ``lengths``; later data are dropped.

        :raises OSError: a part is missing or shorter.
        """
        for key, length in lengths.items():
            file = self._part(key).open('r+b')
            self._open[key] = file
            if file.seek(0, os.SEEK_END) < length:
                raise OSError(f'{str(self._part(key))!r} is shorter than it was')
            file.truncate(length)
            file.seek(length)

    def unfinish(self, key: str) -> None:
        """Turn a finished stretch back into a part: it was finished after a checkpoint."""
        self._path(key).replace(self._part(key))

    def close(self) -> None:
        """Close unfinished stretches; their parts stay."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def keep_only(self, keys: Iterable[str]) -> None:
        """Remove the files of stretches that are no longer needed."""
        wanted = {f'{key}.jsonl' for key in keys}
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f'{key}.jsonl'

    def _part(self, key: str) -> Path:
        return self._folder / f'{key}.part'
