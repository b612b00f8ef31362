# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of SA-V val or test.

It has ``sav_val.txt``, ``JPEGImages_24fps/VIDEO/00000.jpg`` and, for every fourth
frame, ``Annotations_6fps/VIDEO/OBJECT/00000.png``. Each object is prompted by the first mask of
it that is not empty; masks of different objects may overlap.
"""

from functools import partial
from pathlib import Path

import numpy as np

from sam_tracker.core.paths import visible
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.readers import files
from sam_tracker.evaluation.sequence import Dataset, DatasetError, Mask, Target, VideoSequence

FRAME_PERIOD = 1_000_000_000 // 24


def sav(folder: Path) -> Dataset:
    """
    Return the videos of an SA-V val or test folder.

    :raises DatasetError: the folder does not have that layout.
    """
    files.require_folder(folder, 'SA-V val or test')
    lists = visible(folder.glob('sav_*.txt'))
    if len(lists) != 1:
        found = ', '.join(path.name for path in lists) or 'none'
        raise DatasetError(f'{folder} should have one list, sav_val.txt or sav_test.txt: {found}')
    names = files.read_lines(lists[0])
    return Dataset('SA-V', names, lambda name: _sequence(folder, name))


def _sequence(root: Path, name: str) -> VideoSequence:
    images = files.image_files(root / 'JPEGImages_24fps' / name)
    frame_of = {path.stem: frame for frame, path in enumerate(images)}
    annotations = files.require_folder(
        root / 'Annotations_6fps' / name, f'the masks of the SA-V video {name}'
    )
    folders = [path for path in visible(annotations.iterdir()) if path.is_dir()]
    if not folders:
        raise DatasetError(f'{annotations} has no folder of an object')
    targets = []
    for object_id, folder in enumerate(folders, start=1):
        labels = {}
        for path in visible(folder.glob('*.png')):
            if path.stem not in frame_of:
                raise DatasetError(f'{path} is the mask of a frame that {name} does not have')
            labels[frame_of[path.stem]] = path
        targets.append(_target(object_id, folder, labels, len(images)))
    frames = files.lazy_images(images)
    return VideoSequence(name, len(images), frames, tuple(targets), frame_period=FRAME_PERIOD)


def _target(object_id: int, folder: Path, labels: dict[int, Path], frame_count: int) -> Target:
    masks = ((frame, _mask(labels, frame)) for frame in labels)
    first, prompt = next(
        ((frame, mask) for frame, mask in masks if mask is not None and mask.any()), (-1, None)
    )
    if prompt is None:
        raise DatasetError(f'{folder} has no mask with a pixel in it')
    judged = np.zeros(frame_count, np.bool_)
    judged[list(labels)] = True
    return Target(
        object_id,
        first,
        Prompt(mask=prompt),
        boxes=np.full((frame_count, 4), np.nan),
        visible=np.ones(frame_count, np.bool_),
        mask=partial(_mask, labels),
        judged=judged,
    )


def _mask(labels: dict[int, Path], frame: int) -> Mask | None:
    path = labels.get(frame)
    return None if path is None else np.asarray(files.read_label_image(path) > 0)
