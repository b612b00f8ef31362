# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Recorded sequences in whatever layouts a folder holds, each object prompted by its first box.

The folder itself and the folders in it are looked at. Known are OTB
(``NAME/groundtruth_rect.txt``, here also with ``NAME/absent.txt``, 1 for each frame without the
object), DAVIS (``JPEGImages/480p`` and ``Annotations/480p``; all that a mask marks counts as one
object, as in DAVIS 2016), and clips labelled by hand (``labels.json``). A sequence is named
``FOLDER/NAME`` after the folder of its layout.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from sam_tracker.core.paths import visible
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.readers import files
from sam_tracker.evaluation.readers.labelled_clips import LABELS, labelled_clips
from sam_tracker.evaluation.readers.otb import otb
from sam_tracker.evaluation.sequence import (
    Dataset,
    DatasetError,
    Mask,
    Target,
    VideoSequence,
    box_of_mask,
)

Opening = Callable[[], VideoSequence]


def real(folder: Path, names: tuple[str, ...] = ()) -> Dataset:
    """
    Return the sequences of all layouts in a folder.

    :param names: take those alone whose own name, or whole name, is one of these; all if empty.
    :raises DatasetError: when there is no sequence, or none of a name that is asked for.
    """
    files.require_folder(folder, 'recorded sequences')
    found: dict[str, Opening] = {}
    for place in [folder, *(path for path in visible(folder.iterdir()) if path.is_dir())]:
        found |= {f'{place.name}/{name}': opening for name, opening in _layout(place).items()}
    if not found:
        raise DatasetError(
            f'{folder} holds no sequences: no NAME/groundtruth_rect.txt, no JPEGImages/480p, no'
            f' {LABELS}, neither there nor in a folder of it'
        )
    known = {*found, *(_own(name) for name in found)}
    for name in names:
        if name not in known:
            raise DatasetError(f'{folder} holds no sequence {name!r}')
    chosen = [name for name in found if not names or {name, _own(name)} & set(names)]
    return Dataset(folder.name, chosen, lambda name: replace(found[name](), name=name))


def _own(name: str) -> str:
    return name.rpartition('/')[2]


def _layout(place: Path) -> dict[str, Opening]:
    """Return how each sequence of one folder is opened."""
    if (place / LABELS).is_file():
        clips, _ = labelled_clips(place)
        return {name: partial(clips.open_sequence, name) for name in clips.sequence_names}
    if (place / 'JPEGImages/480p').is_dir():
        names = [path.name for path in visible((place / 'JPEGImages/480p').iterdir())]
        return {name: partial(_foreground, place, name) for name in names}
    if any(place.glob('*/groundtruth_rect*.txt')):
        boxes = otb(place)
        return {name: partial(_with_absences, place, boxes, name) for name in boxes.sequence_names}
    return {}


def _with_absences(place: Path, boxes: Dataset, name: str) -> VideoSequence:
    sequence = boxes.open_sequence(name)
    path = place / name / 'absent.txt'
    if not path.is_file():
        return sequence
    visible = ~files.read_flags(path, sequence.frame_count)
    (target,) = sequence.targets
    return replace(sequence, targets=(replace(target, visible=visible),))


def _foreground(place: Path, name: str) -> VideoSequence:
    """Open a sequence of DAVIS as one of DAVIS 2016."""
    images = files.image_files(place / 'JPEGImages/480p' / name)
    labels = [
        (place / 'Annotations/480p' / name / path.stem).with_suffix('.png') for path in images
    ]

    def mask(frame: int) -> Mask:
        return np.asarray(files.read_label_image(labels[frame]) > 0)

    boxes = np.full((len(images), 4), np.nan)
    for frame in range(len(images)):
        shown = mask(frame)
        if shown.any():
            boxes[frame] = box_of_mask(shown)
    visible = ~np.isnan(boxes[:, 0])
    if not visible.any():
        raise DatasetError(f'the masks of {name} in {place} mark nothing')
    first = int(visible.argmax())
    target = Target(1, first, Prompt(box=boxes[first]), boxes, visible, mask)
    return VideoSequence(name, len(images), files.lazy_images(images), (target,))
