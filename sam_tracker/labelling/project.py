# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Metadata of a labelled recording: a JSON file in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import enum
import json
from pathlib import Path

from sam_tracker.labelling.labels import LABELS, LabelSet
from sam_tracker.labelling.prompts import ObjectPrompts, Prompts
from sam_tracker.labelling.recording import LabellingError

PROJECT = 'project.json'


class Review(enum.Enum):
    """Decision of a reviewer about the labels of an object."""

    OPEN = 'open'
    ACCEPTED = 'accepted'
    REJECTED = 'rejected'


@dataclass(frozen=True, eq=False)
class Project:
    """One recording, its prompts, and their review."""

    source: str
    """Path of the recording."""
    topic: str | None
    """Of the images, in a bag."""
    checkpoint: str
    """Weights that the recording was labelled with."""
    mode: str
    """One of ``tracking.settings.MODES``."""
    prompts: Prompts
    reviews: Mapping[int, Review] = field(default_factory=dict)
    """By object id; objects that are not named are open."""
    seconds_spent: float = 0.0
    """Time that a person had the recording open for review."""
    problems: tuple[str, ...] = ()
    """Images that could not be read, and assumptions that were made."""
    images: int = 0

    def review(self, object_id: int) -> Review:
        """Return the decision about an object."""
        return self.reviews.get(object_id, Review.OPEN)

    def labels(self, folder: Path, verified: bool = False) -> LabelSet:
        """
        Return the labels of all objects that are not rejected.

        :param folder: of the project.
        :param verified: of the accepted objects alone.
        """
        wanted = {Review.ACCEPTED} if verified else {Review.ACCEPTED, Review.OPEN}
        names = {
            object_id: each.label
            for object_id, each in self.prompts.items()
            if self.review(object_id) in wanted
        }
        return LabelSet(folder / LABELS, names)

    def save(self, folder: Path) -> None:
        """
        Write the file in place of the one before, all or nothing.

        :raises OSError: it cannot be written.
        """
        fields = {
            'source': self.source,
            'topic': self.topic,
            'images': self.images,
            'checkpoint': self.checkpoint,
            'mode': self.mode,
            'problems': list(self.problems),
            'seconds_spent': round(self.seconds_spent, 1),
            'reviews': {str(key): each.value for key, each in sorted(self.reviews.items())},
            'objects': {str(key): each.json() for key, each in sorted(self.prompts.items())},
        }
        part = folder / f'{PROJECT}.part'
        part.write_text(json.dumps(fields, ensure_ascii=False, indent=1) + '\n', encoding='utf-8')
        part.replace(folder / PROJECT)


def load_project(folder: Path) -> Project | None:
    """
    Read the project of a folder; None: there is none.

    :raises LabellingError: the file is damaged.
    """
    path = folder / PROJECT
    try:
        fields = json.loads(path.read_text(encoding='utf-8'))
        return Project(
            source=fields['source'],
            topic=fields['topic'],
            prompts={
                int(key): ObjectPrompts.from_json(each) for key, each in fields['objects'].items()
            },
            reviews={int(key): Review(value) for key, value in fields['reviews'].items()},
            seconds_spent=fields['seconds_spent'],
            problems=tuple(fields['problems']),
            images=fields['images'],
            checkpoint=fields['checkpoint'],
            mode=fields['mode'],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabellingError(f'{str(path)!r} cannot be read: {error}') from error
