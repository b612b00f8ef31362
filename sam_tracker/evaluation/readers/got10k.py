# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of GOT-10k.

It has ``val/list.txt`` and ``val/NAME/`` with ``00000001.jpg``, ``groundtruth.txt`` and
``cover.label``; the folder given may also be that of the subset itself. The ground truth of the
test subset is withheld except for the first box: it can be run and its boxes saved for the
evaluation server, not scored.
"""

from pathlib import Path

import numpy as np

from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.readers import files
from sam_tracker.evaluation.readers.lasot import first_box
from sam_tracker.evaluation.sequence import Dataset, DatasetError, Target, VideoSequence


def got10k(folder: Path, subset: str = 'val') -> Dataset:
    """
    Return the sequences of one subset of a GOT-10k folder.

    :raises DatasetError: the folder does not have that layout.
    """
    files.require_folder(folder, 'GOT-10k')
    root = folder if (folder / 'list.txt').is_file() else folder / subset
    if not (root / 'list.txt').is_file():
        raise DatasetError(f'{root} has no list.txt: it is no subset of GOT-10k')
    names = files.read_lines(root / 'list.txt')
    return Dataset('GOT-10k', names, lambda name: _sequence(root, name))


def _sequence(root: Path, name: str) -> VideoSequence:
    folder = files.require_folder(root / name, f'the GOT-10k sequence {name}')
    images = files.image_files(folder)
    boxes = files.read_box_rows(folder / 'groundtruth.txt')
    if len(boxes) == 1:  # the test subset
        unknown = np.full((len(images) - 1, 4), np.nan)
        boxes, visible = np.concatenate([boxes, unknown]), np.ones(len(images), np.bool_)
    elif len(boxes) == len(images):
        visible = files.read_flags(folder / 'cover.label', len(images))
    else:
        raise DatasetError(
            f'{folder / "groundtruth.txt"} has {len(boxes)} lines for {len(images)} frames'
        )
    target = Target(1, 0, Prompt(box=first_box(boxes, images[0], name)), boxes, visible)
    return VideoSequence(name, len(images), files.lazy_images(images), (target,))
