# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks for import into CVAT: its XML 1.1 for images (https://docs.cvat.ai/docs/other/xml_format)."""

from __future__ import annotations

from pathlib import Path
import re
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from sam_tracker.labelling.exports.export import Exported, replacing
from sam_tracker.labelling.labelled_track import LabelledTrack, Stage
from sam_tracker.labelling.labels import LabelledImage


def export_cvat(exported: Exported, folder: Path) -> None:
    """
    Write ``NAME.xml`` with a mask for each visible object, whose ``group_id`` is its id.

    CVAT finds the images of a task by name, as ``yolo`` and ``davis`` write them, or by number.
    The labels of the task must have the names that the file lists.
    """
    with replacing(folder / f'{exported.name}.xml') as file:

        def write(text: str) -> None:
            file.write(f'{text}\n'.encode())

        write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>')
        write(f'<meta><task><name>{escape(_xml(exported.name))}</name>')
        write(f'<size>{len(exported.recording.images)}</size><mode>annotation</mode><labels>')
        for name in exported.categories:
            write(f'<label><name>{escape(_xml(name))}</name><type>mask</type></label>')
        write('</labels></task></meta>')
        for image in exported.labels.images():
            write(f'<image {_image_attributes(exported, image)}>')
            # The most confident is on top.
            order = sorted(image.tracks, key=lambda each: each.confidence)
            for place, track in enumerate(order):
                if track.visible:
                    write(f'<mask {_mask_attributes(exported, track, place)}/>')
            write('</image>')
        write('</annotations>')


def _image_attributes(exported: Exported, image: LabelledImage) -> str:
    return _attributes(
        id=image.number,
        name=exported.file_name(image.number),
        width=image.width,
        height=image.height,
    )


def _mask_attributes(exported: Exported, track: LabelledTrack, place: int) -> str:
    region = track.region
    assert region is not None
    return _attributes(
        label=exported.labels.category(track.object_id),
        source='auto' if track.stage is Stage.AUTOMATIC else 'semi-auto',
        occluded=0,
        rle=', '.join(map(str, row_run_lengths(track.mask[region.slices]))),
        left=region.x,
        top=region.y,
        width=region.width,
        height=region.height,
        z_order=place,
        group_id=track.object_id,
    )


def row_run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """
    Return CVAT's run lengths of a mask [H, W]: off, on, off, ... along the rows.

    COCO's run down the columns.
    """
    values = mask.reshape(-1)
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    lengths = np.diff(changes, prepend=0, append=values.size).tolist()
    return [0, *lengths] if values[0] else lengths


def _attributes(**values: object) -> str:
    return ' '.join(f'{name}={quoteattr(_xml(str(value)))}' for name, value in values.items())


def _xml(text: str) -> str:
    """Replace the characters that XML 1.0 cannot hold, such as those that control a terminal."""
    return re.sub('[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]', '\ufffd', text)
