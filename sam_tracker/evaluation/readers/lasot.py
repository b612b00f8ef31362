# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of LaSOT, and of its extension.

It has ``CLASS/CLASS-N/`` with ``img/00000001.jpg``, ``groundtruth.txt``, ``full_occlusion.txt``
and ``out_of_view.txt``. The published figures are over the 280 sequences of the test set. A
``testing_set.txt`` in the folder, one name a line as the data set comes with, chooses them;
without one all sequences that are there are read.
"""

from pathlib import Path

import numpy as np

from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.readers import files
from sam_tracker.evaluation.sequence import Boxes, Dataset, DatasetError, Target, VideoSequence

SPLIT = 'testing_set.txt'


def lasot(folder: Path) -> Dataset:
    """
    Return the sequences of a LaSOT folder.

    :raises DatasetError: the folder does not have that layout.
    """
    files.require_folder(folder, 'the classes of LaSOT')
    split = folder / SPLIT
    if split.is_file():
        names = files.read_lines(split)
    else:
        names = sorted(path.parent.name for path in folder.glob('*/*/groundtruth.txt'))
    if not names:
        raise DatasetError(f'{folder} has no CLASS/CLASS-N/groundtruth.txt: it is no LaSOT folder')
    return Dataset('LaSOT', names, lambda name: _sequence(folder, name))


def _sequence(root: Path, name: str) -> VideoSequence:
    folder = files.require_folder(
        root / name.rpartition('-')[0] / name, f'the LaSOT sequence {name}'
    )
    images = files.image_files(folder / 'img')
    boxes = files.read_box_rows(folder / 'groundtruth.txt', len(images))
    hidden = files.read_flags(folder / 'full_occlusion.txt', len(images))
    hidden |= files.read_flags(folder / 'out_of_view.txt', len(images))
    target = Target(1, 0, Prompt(box=first_box(boxes, images[0], name)), boxes, ~hidden)
    return VideoSequence(name, len(images), files.lazy_images(images), (target,))


def first_box(boxes: Boxes, image: Path, name: str) -> Boxes:
    """Return the first of boxes [T, 4] cut to its image, since annotators drew a little over."""
    box = np.clip(boxes[0], 0, np.tile(files.image_size(image), 2))
    if not (box[:2] < box[2:]).all():
        raise DatasetError(f'{name}: its first box {boxes[0].tolist()} has no area in the image')
    return box
