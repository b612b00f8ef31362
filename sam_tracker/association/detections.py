# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The detections of one image, and their validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.prompt import PromptError, checked_label

FARTHEST = 1e6
"""Pixels from the corner of an image within which a box must lie."""


@dataclass(frozen=True, eq=False)
class Detections:
    """N detections of one image."""

    boxes: NDArray[np.float64]
    """[N, 4] half open boxes in pixels of the image."""
    scores: NDArray[np.float64]
    """[N] 0 to 1."""
    labels: tuple[str, ...]
    """N names of classes; may be empty."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Detections:
        """Return some of the detections, as NumPy selects rows."""
        rows = np.arange(len(self))[chosen]
        return Detections(
            self.boxes[rows], self.scores[rows], tuple(self.labels[row] for row in rows)
        )


def checked(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], labels: Sequence[str]
) -> tuple[Detections, list[str]]:
    """
    Return the valid detections, and the problem of each of the others.

    :param boxes: [N, 4] x_min, y_min, x_max, y_max.
    :param scores: [N].
    :param labels: N names.
    """
    problems = [
        _problem(box, score, label)
        for box, score, label in zip(boxes, scores, labels, strict=True)
    ]
    good = np.array([not problem for problem in problems], np.bool_)
    wrong = [f'detection {index}: {text}' for index, text in enumerate(problems) if text]
    return Detections(boxes, scores, tuple(labels))[good], wrong


def _problem(box: NDArray[np.float64], score: float, label: str) -> str:
    if not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
        return f'the box {box.tolist()} is empty or not finite'
    if np.abs(box).max() > FARTHEST:
        return f'the box {box.tolist()} is beyond {FARTHEST:g} pixels'
    if not 0 <= score <= 1:
        return f'the score {score:g} is not from 0 to 1'
    try:
        checked_label(label)
    except PromptError as error:
        return str(error)
    return ''
