# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The labels of a recording: a JSON lines file with one line for each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import json
from pathlib import Path

from sam_tracker.labelling.labelled_track import LabelledTrack, line
from sam_tracker.labelling.recording import LabellingError

LABELS = 'labels.jsonl'


@dataclass(frozen=True)
class LabelledImage:
    """One image and what is on it."""

    number: int
    """Of the image in the recording, from 0."""
    name: str
    stamp: int
    """Nanoseconds, as the recording has it."""
    frame_id: str
    width: int
    height: int
    tracks: tuple[LabelledTrack, ...]
    """By ascending object id; also of objects that are not visible."""

    def line(self) -> bytes:
        """Return the line of the file."""
        return line(
            {
                'image': self.number,
                'name': self.name,
                'stamp': self.stamp,
                'frame_id': self.frame_id,
                'width': self.width,
                'height': self.height,
                'objects': [track.json() for track in self.tracks],
            }
        )


@dataclass(frozen=True)
class LabelSet:
    """The labels of a recording, read one image at a time."""

    path: Path
    names: Mapping[int, str]
    """Labels of the objects, by id; may be empty texts. Other objects of the file are left out."""

    def images(self) -> Iterator[LabelledImage]:
        """
        Read all images in order.

        :raises LabellingError: the file is missing or damaged.
        """
        try:
            with self.path.open('rb') as file:
                for text in file:
                    yield self._image(text)
        except (OSError, ValueError, KeyError) as error:
            raise LabellingError(f'labels {str(self.path)!r} cannot be read: {error}') from error

    def category(self, object_id: int) -> str:
        """Return the label of an object, or a name where it has none."""
        return self.names.get(object_id) or 'object'

    @property
    def categories(self) -> list[str]:
        """All labels, sorted."""
        return sorted({self.category(object_id) for object_id in self.names})

    def _image(self, text: bytes) -> LabelledImage:
        fields = json.loads(text)
        tracks = (LabelledTrack.from_json(each) for each in fields['objects'])
        return LabelledImage(
            number=fields['image'],
            name=fields['name'],
            stamp=fields['stamp'],
            frame_id=fields['frame_id'],
            width=fields['width'],
            height=fields['height'],
            tracks=tuple(track for track in tracks if track.object_id in self.names),
        )
