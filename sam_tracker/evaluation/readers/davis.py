# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of DAVIS 2017.

It has ``ImageSets/2017/val.txt``, ``JPEGImages/480p/NAME/00000.jpg`` and
``Annotations/480p/NAME/00000.png`` whose pixels are object ids (255: void). The objects of the
first frame are prompted by their masks.
"""

from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from sam_tracker.core.paths import visible
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.readers import files
from sam_tracker.evaluation.sequence import (
    Dataset,
    DatasetError,
    Mask,
    ObjectIds,
    Target,
    VideoSequence,
)

VOID = 255


def davis(folder: Path, subset: str = 'val') -> Dataset:
    """
    Return the sequences of one subset of a DAVIS 2017 folder.

    :raises DatasetError: the folder does not have that layout.
    """
    files.require_folder(folder, 'DAVIS')
    names = files.read_lines(folder / 'ImageSets' / '2017' / f'{subset}.txt')
    return Dataset('DAVIS', names, lambda name: _sequence(folder, name))


def _sequence(root: Path, name: str) -> VideoSequence:
    images = files.image_files(root / 'JPEGImages' / '480p' / name)
    annotations = files.require_folder(
        root / 'Annotations' / '480p' / name, f'the masks of the DAVIS sequence {name}'
    )
    labels = visible(annotations.glob('*.png'))
    if [path.stem for path in labels] != [path.stem for path in images]:
        raise DatasetError(
            f'{annotations} has {len(labels)} masks for {len(images)} frames of {name}'
        )

    @lru_cache(maxsize=1)  # asked for once for each object
    def object_ids(frame: int) -> ObjectIds:
        ids = files.read_label_image(labels[frame])
        ids[ids == VOID] = 0
        return ids

    def mask(object_id: int, frame: int) -> Mask:
        return np.asarray(object_ids(frame) == object_id)

    count = int(object_ids(0).max())
    if count == 0:
        raise DatasetError(f'{labels[0]} marks no object')
    targets = []
    for object_id in range(1, count + 1):
        if not mask(object_id, 0).any():
            raise DatasetError(f'{labels[0]} has object {count} but no object {object_id}')
        targets.append(
            Target(
                object_id,
                0,
                Prompt(mask=mask(object_id, 0)),
                boxes=np.full((len(images), 4), np.nan),
                visible=np.ones(len(images), np.bool_),
                mask=partial(mask, object_id),
            )
        )
    frames = files.lazy_images(images)
    return VideoSequence(name, len(images), frames, tuple(targets), object_ids)
