# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of recorded sequences: of each, of all, and by attribute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.evaluation.metrics.boxes import success_auc
from sam_tracker.evaluation.metrics.presence import (
    balanced_accuracy,
    presence_rates,
    returned_frames,
)
from sam_tracker.evaluation.run import SequenceResult, TargetResult

Values = NDArray[np.float64]

FIGURES = {
    'overlap': 'box IoU',
    'auc': 'AUC',
    'half': 'above 0.5',
    'region': 'J',
    'first': 'IoU at prompt',
    'presence': 'presence',
    'gone': 'gone',
    'returned': 'after return',
}
"""Key of a figure to the head of its column, in the order of the tables."""

SIZES = ((0.05, 'side up to 5 %'), (0.1, '5 to 10 %'), (0.2, '10 to 20 %'), (0.3, '20 to 30 %'))
LARGEST = 'side above 30 %'
FAST = 0.15
"""Mean motion from frame to frame, in sides of its box, from which on an object is fast."""


@dataclass(frozen=True)
class Row:
    """Figures of one object of one sequence."""

    sequence: str
    name: str
    """Name of the sequence, with the object's id where it has several."""
    figures: dict[str, float]
    """Values by the keys of FIGURES; NaN where the truth is missing."""
    attributes: tuple[str, ...]


def rows(results: Sequence[SequenceResult]) -> list[Row]:
    """
    Return the figures of every object.

    All but ``first``, ``presence`` and ``gone`` are means over the frames after the prompt on
    which the object is visible and its ground truth is known; ``returned`` is the box IoU over
    those after an absence.
    """
    found = []
    for result in results:
        for target in result.targets:
            several = len(result.targets) > 1
            number = f' {target.target.object_id}' if several else ''
            found.append(
                Row(
                    result.sequence,
                    result.sequence + number,
                    _figures(target),
                    attributes(target, result.image_size),
                )
            )
    return found


def means(chosen: Sequence[Row]) -> dict[str, float]:
    """Return the mean of each figure over the objects that have it, equally weighted."""
    table = {key: np.array([row.figures[key] for row in chosen]) for key in FIGURES}
    return {key: _mean(values[~np.isnan(values)]) for key, values in table.items()}


def by_attribute(chosen: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the objects that have each attribute, those of size first."""
    order = [*(label for _, label in SIZES), LARGEST, 'fast', 'absent at times']
    groups = {label: [row for row in chosen if label in row.attributes] for label in order}
    return {label: group for label, group in groups.items() if group}


def worst(chosen: Sequence[Row], count: int) -> list[str]:
    """Return the names of the sequences with the lowest figures, lowest first."""
    ordered = sorted(chosen, key=lambda row: np.nan_to_num(row.figures['overlap']))
    return list(dict.fromkeys(row.sequence for row in ordered))[:count]


def attributes(target: TargetResult, image_size: tuple[int, int]) -> tuple[str, ...]:
    """Return the attributes of an object, computed from its ground truth."""
    truth = target.target
    boxes = truth.boxes[truth.first_frame :]
    sizes = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    side = sizes[0] / np.sqrt(image_size[0] * image_size[1])
    found = [next((label for limit, label in SIZES if side <= limit), LARGEST)]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    steps = np.hypot(*np.diff(centres, axis=0).T) / sizes[:-1]
    if np.any(~np.isnan(steps)) and np.nanmean(steps) > FAST:
        found.append('fast')
    judged = truth.judged_frames
    if not truth.visible[judged[judged > truth.first_frame]].all():
        found.append('absent at times')
    return tuple(found)


def _figures(result: TargetResult) -> dict[str, float]:
    truth = result.target
    judged = truth.judged_frames
    later = judged[judged > truth.first_frame]
    seen = later[truth.visible[later]]
    overlap = result.overlap[seen]
    overlap = overlap[~np.isnan(overlap)]
    region = result.region[seen]
    returned = result.overlap[later][returned_frames(truth.visible[later])]
    return {
        'overlap': _mean(overlap),
        'auc': success_auc(overlap),
        'half': _mean(overlap > 0.5),
        'region': _mean(region[~np.isnan(region)]),
        'first': float(result.overlap[truth.first_frame]),
        'presence': balanced_accuracy(result.present[later], truth.visible[later]),
        'gone': presence_rates(result.present[later], truth.visible[later])[1],
        'returned': _mean(returned[~np.isnan(returned)]),
    }


def _mean(values: Values | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else float('nan')
