# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of DAVIS 2017: images, and masks as palette images whose values are object ids.

The parent folder is what ``python -m sam_tracker.training --data`` takes.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
import PIL.Image

from sam_tracker.labelling.exports.export import (
    Exported,
    emptied,
    locked,
    replacing,
    write_jpeg,
)
from sam_tracker.labelling.labels import LabelledImage
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.rendering import object_colour

MOST_OBJECTS = 254
"""Values of a mask image, without 0 for the background and 255 for void."""


def export_davis(exported: Exported, folder: Path) -> None:
    """
    Write ``JPEGImages/480p/NAME``, ``Annotations/480p/NAME`` and the lists of recordings.

    Objects are numbered from 1 in the order of their ids. A pixel of several objects goes to the
    one with the highest confidence.

    :raises LabellingError: there are more than ``MOST_OBJECTS``.
    """
    ids = sorted(exported.labels.names)
    if len(ids) > MOST_OBJECTS:
        raise LabellingError(
            f'DAVIS masks have room for {MOST_OBJECTS} objects; {exported.name} has {len(ids)}'
        )
    images = emptied(folder / 'JPEGImages' / '480p' / exported.name, ('.jpg',))
    masks = emptied(folder / 'Annotations' / '480p' / exported.name, ('.png',))
    pictures = exported.recording.read(0, len(exported.recording.images))
    for image, rgb in zip(exported.labels.images(), pictures, strict=True):
        write_jpeg(images.parent / exported.file_name(image.number), rgb)
        with replacing(masks / f'{exported.number(image.number)}.png') as file:
            file.write(_palette_png(id_image(image, ids)))
    # Other processes write their recordings: whoever is the last lists them all.
    with locked(images.parent):
        names = sorted(path.name for path in images.parent.iterdir())
        for subset in ('train', 'val'):
            with replacing(folder / 'ImageSets' / '2017' / f'{subset}.txt') as file:
                file.write(''.join(f'{name}\n' for name in names).encode())


def id_image(image: LabelledImage, ids: list[int]) -> NDArray[np.uint8]:
    """Return [H, W] the place of each pixel's object in a list of ids, from 1; 0: no object."""
    found = np.zeros((image.height, image.width), np.uint8)
    for track in sorted(image.tracks, key=lambda each: each.confidence):
        if track.visible:
            found[track.mask] = ids.index(track.object_id) + 1
    return found


def _palette_png(values: NDArray[np.uint8]) -> bytes:
    palette = [0, 0, 0]
    for number in range(1, 256):
        palette += object_colour(number)[::-1]
    picture = PIL.Image.fromarray(values, mode='P')
    picture.putpalette(palette)
    out = io.BytesIO()
    picture.save(out, 'PNG')
    return out.getvalue()
