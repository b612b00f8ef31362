# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A data set for YOLO: images, and a text file for each with polygons or boxes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
import yaml

from sam_tracker.core.texts import error_text
from sam_tracker.labelling.exports.export import Exported, emptied, replacing, write_jpeg
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.labelling.recording import LabellingError

Points = NDArray[np.float64]


def export_yolo(exported: Exported, folder: Path) -> None:
    """Write ``images/train/NAME``, ``labels/train/NAME`` with polygons, and ``data.yaml``."""
    _export(exported, folder, boxes=False)


def export_yolo_boxes(exported: Exported, folder: Path) -> None:
    """Write ``images/train/NAME``, ``labels/train/NAME`` with boxes, and ``data.yaml``."""
    _export(exported, folder, boxes=True)


def _export(exported: Exported, folder: Path, boxes: bool) -> None:
    # Labels that earlier runs wrote here keep their numbers.
    names = _known_names(folder / 'data.yaml')
    names += [name for name in exported.categories if name not in names]
    pictures = exported.recording.read(0, len(exported.recording.images))
    images = emptied(folder / 'images' / 'train' / exported.name, ('.jpg',))
    texts = emptied(folder / 'labels' / 'train' / exported.name, ('.txt',))
    for image, rgb in zip(exported.labels.images(), pictures, strict=True):
        size = np.array([image.width, image.height])
        write_jpeg(images.parent / exported.file_name(image.number), rgb)
        lines = []
        for track in image.tracks:
            if not track.visible:
                continue
            values = _box(track, size) if boxes else (polygon(track.mask) / size).reshape(-1)
            text = ' '.join(f'{value:.6f}' for value in values)
            category = names.index(exported.labels.category(track.object_id))
            lines.append(f'{category} {text}\n')
        with replacing(texts / f'{exported.number(image.number)}.txt') as file:
            file.write(''.join(lines).encode())
    listed = dict(enumerate(names))
    content = {'train': 'images/train', 'val': 'images/train', 'names': listed}
    with replacing(folder / 'data.yaml') as file:
        file.write(yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode())


def _known_names(path: Path) -> list[str]:
    """
    Return the names of the classes that were written before, by number.

    :raises LabellingError: the file cannot be read.
    """
    if not path.exists():
        return []
    try:
        names = yaml.safe_load(path.read_text(encoding='utf-8'))['names']
        return [str(names[number]) for number in range(len(names))]
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        raise LabellingError(f'{str(path)!r} cannot be read: {error_text(error)}') from error


def _box(track: LabelledTrack, size: NDArray[np.int64]) -> NDArray[np.float64]:
    box = np.array(track.box)
    return np.concatenate(((box[:2] + box[2:]) / 2 / size, (box[2:] - box[:2]) / size))


def polygon(mask: NDArray[np.bool_]) -> Points:
    """
    Return one polygon [N, 2] around all parts of a mask, in pixels of the image.

    YOLO's format has one polygon for each object, so parts are joined by a line there and back
    between their nearest corners. Corners lie on the outer borders of the pixels.
    """
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    parts = sorted(
        (_outline(np.asarray(contour[:, 0], np.int32)) for contour in contours),
        key=len,
        reverse=True,
    )
    joined = parts[0]
    for part in parts[1:]:
        distances = ((joined[:, None] - part[None]) ** 2).sum(-1)
        here, there = np.unravel_index(np.argmin(distances), distances.shape)
        turned = np.roll(part, -int(there), axis=0)
        inserted = np.concatenate((turned, turned[:1], joined[here : here + 1]))
        joined = np.insert(joined, int(here) + 1, inserted, axis=0)
    return joined


def _outline(contour: NDArray[np.int32]) -> Points:
    """Move a contour [N, 2] through pixel centres to the outer borders of these pixels."""
    # The contour of a single pixel or line encloses nothing.
    low = contour.min(0)
    width, height = contour.max(0) - low + 1
    part = np.zeros((2 * height + 2, 2 * width + 2), np.uint8)
    cv2.fillPoly(part, [2 * (contour - low) + 1], 1)
    part = cv2.dilate(part, np.ones((3, 3), np.uint8))
    outer, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(outer[0][:, 0] / 2 + low, np.float64)
