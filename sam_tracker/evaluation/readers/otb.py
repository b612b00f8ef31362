# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder of OTB.

It has ``NAME/img/0001.jpg`` and ``NAME/groundtruth_rect.txt``, or ``groundtruth_rect.1.txt`` and
so on where a sequence has several targets, each of which counts as a sequence (NAME.1).
"""

from pathlib import Path

import numpy as np

from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.readers import files
from sam_tracker.evaluation.readers.lasot import first_box
from sam_tracker.evaluation.sequence import Dataset, DatasetError, Target, VideoSequence

ANNOTATED_FRAMES = {
    'david': (300, 770),
    'football1': (1, 74),
    'freeman3': (1, 460),
    'freeman4': (1, 283),
    'diving': (1, 215),
}
"""First and last image, from 1, of sequences that have more images than truth."""


def otb(folder: Path) -> Dataset:
    """
    Return the sequences of an OTB folder, all that are there.

    :raises DatasetError: the folder does not have that layout.
    """
    files.require_folder(folder, 'the sequences of OTB')
    truths = {}
    for path in sorted(folder.glob('*/groundtruth_rect*.txt')):
        # The data set as published has an empty one, that of Human4's second target.
        if path.read_text(encoding='utf-8').strip():
            part = path.stem.removeprefix('groundtruth_rect')
            truths[path.parent.name + part] = path
    if not truths:
        raise DatasetError(f'{folder} has no NAME/groundtruth_rect.txt: it is no OTB folder')
    return Dataset('OTB', list(truths), lambda name: _sequence(name, truths[name]))


def _sequence(name: str, truth: Path) -> VideoSequence:
    images = files.image_files(truth.parent / 'img')
    first, last = ANNOTATED_FRAMES.get(truth.parent.name.lower(), (1, len(images)))
    images = images[first - 1 : last]
    boxes = files.read_box_rows(truth, len(images))
    visible = np.ones(len(images), np.bool_)
    target = Target(1, 0, Prompt(box=first_box(boxes, images[0], name)), boxes, visible)
    return VideoSequence(name, len(images), files.lazy_images(images), (target,))
