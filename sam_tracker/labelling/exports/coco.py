# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""COCO instance annotations with run-length encoded masks, which pycocotools reads."""

from __future__ import annotations

import json
from pathlib import Path

from sam_tracker.labelling.exports.export import Exported, replacing


def export_coco(exported: Exported, folder: Path) -> None:
    """
    Write ``NAME.json``; images and categories are counted from 1.

    Images are named as in the folders that ``yolo`` and ``davis`` write.

    Annotations have three fields that COCO does not define: ``track_id``, ``score`` and ``stage``.
    """
    with replacing(folder / f'{exported.name}.json') as file:

        def write_list(name: str, entries: list[bytes] | None = None) -> None:
            file.write(f'"{name}": [\n'.encode() + b',\n'.join(entries or []))

        categories = [
            _entry({'id': number, 'name': name})
            for number, name in enumerate(exported.categories, 1)
        ]
        file.write(b'{')
        write_list('categories', categories)
        file.write(b'],\n')
        write_list('images')
        for image in exported.labels.images():
            entry = {
                'id': image.number + 1,
                'file_name': exported.file_name(image.number),
                'width': image.width,
                'height': image.height,
                'stamp': image.stamp,
            }
            file.write((b',\n' if image.number else b'') + _entry(entry))
        file.write(b'],\n')
        write_list('annotations')
        count = 0
        for image in exported.labels.images():
            for track in image.tracks:
                if not track.visible:
                    continue
                assert track.box is not None
                x, y, right, bottom = track.box
                count += 1
                entry = {
                    'id': count,
                    'image_id': image.number + 1,
                    'category_id': exported.category(track.object_id) + 1,
                    'iscrowd': 0,
                    'area': int(track.mask.sum()),
                    'bbox': [x, y, right - x, bottom - y],
                    'segmentation': track.json()['segmentation'],
                    'track_id': track.object_id,
                    'score': track.confidence,
                    'stage': track.stage.value,
                }
                file.write((b',\n' if count > 1 else b'') + _entry(entry))
        file.write(b']}\n')


def _entry(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
