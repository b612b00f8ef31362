# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Videos with a few boxes drawn by hand.

A folder holds the clips and a ``labels.json``: clip -> object -> frame number from 0 -> [x_min,
y_min, x_max, y_max] in pixels. The box of an object's first labelled frame is its prompt.
"""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.sequence import Dataset, DatasetError, Image, Target, VideoSequence
from sam_tracker.video.frame_source import VideoError
from sam_tracker.video.sources import open_source

LABELS = 'labels.json'


def labelled_clips(folder: Path) -> tuple[Dataset, list[str]]:
    """
    Return the clips of a folder and the names of clips that have labels but are absent.

    The names of objects are those of the sequences: ``clip: object``. Each clip is read up to its
    last label. :raises DatasetError: the labels are invalid.
    """
    labels = _read_labels(folder / LABELS)
    present = [clip for clip in labels if (folder / clip).exists()]
    absent = [clip for clip in labels if clip not in present]
    return Dataset(
        str(folder), present, lambda clip: _sequence(folder / clip, labels[clip])
    ), absent


def object_names(folder: Path, clip: str) -> list[str]:
    """Return the names of a clip's objects in the order of their ids, from 1."""
    return list(_read_labels(folder / LABELS)[clip])


Labels = dict[str, dict[int, list[float]]]
"""Object -> frame -> box."""


def _read_labels(path: Path) -> dict[str, Labels]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise DatasetError(f'cannot read {path}: {error.strerror or error}') from error
    except ValueError as error:
        raise DatasetError(f'{path} is not JSON: {error}') from error
    labels: dict[str, Labels] = {}
    for clip, objects in _items(content, f'{path}'):
        labels[clip] = {}
        for name, frames in _items(objects, f'{path}, {clip}'):
            place = f'{path}, {clip}, {name}'
            labels[clip][name] = {
                _frame_number(frame, place): _box(box, f'{place}, frame {frame}')
                for frame, box in _items(frames, place)
            }
    return labels


def _items(content: object, place: str) -> list[tuple[str, object]]:
    if not isinstance(content, dict) or not content:
        raise DatasetError(f'{place}: {content!r} is no object of JSON with something in it')
    return list(content.items())


def _frame_number(text: str, place: str) -> int:
    if not text.isdecimal():
        raise DatasetError(f'{place}: {text!r} is no frame number')
    return int(text)


def _box(box: object, place: str) -> list[float]:
    if isinstance(box, list) and len(box) == 4:
        values = [float(value) for value in box if isinstance(value, int | float)]
        if len(values) == 4 and values[0] < values[2] and values[1] < values[3]:
            return values
    raise DatasetError(f'{place}: {box!r} is no box of x_min, y_min, x_max, y_max')


def _sequence(path: Path, labels: Labels) -> VideoSequence:
    frame_count = 1 + max(frame for boxes in labels.values() for frame in boxes)
    try:
        source = open_source(str(path))
        rate = source.rate
        source.close()
    except VideoError as error:
        raise DatasetError(str(error)) from error
    targets = []
    for object_id, frames in enumerate(labels.values(), start=1):
        boxes = np.full((frame_count, 4), np.nan)
        for frame, box in frames.items():
            boxes[frame] = box
        judged = ~np.isnan(boxes[:, 0])
        first = min(frames)
        targets.append(
            Target(object_id, first, Prompt(box=boxes[first]), boxes, judged, judged=judged)
        )
    return VideoSequence(
        path.name,
        frame_count,
        lambda: _frames(path, frame_count),
        tuple(targets),
        frame_period=round(1e9 / rate),
    )


def _frames(path: Path, count: int) -> Iterator[Image]:
    try:
        source = open_source(str(path))
        try:
            for number in range(count):
                frame = source.read()
                if frame is None:
                    raise DatasetError(
                        f'{path} ends after {number} frames; the last label is of frame'
                        f' {count - 1}'
                    )
                rgb: Any = cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2RGB)
                yield rgb
        finally:
            source.close()
    except VideoError as error:
        raise DatasetError(str(error)) from error
