# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Box metrics of single object tracking benchmarks.

Boxes are [x_min, y_min, x_max, y_max] in pixels, half open; a row of NaN is no box. Sources: Wu,
Lim and Yang, Object tracking benchmark, TPAMI 2015 (success and precision); Fan et al., LaSOT,
CVPR 2019 (normalised precision); Huang, Zhao and Huang, GOT-10k, TPAMI 2021 (average overlap).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import box_iou

Boxes = NDArray[np.float64]
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

SUCCESS_THRESHOLDS = np.linspace(0, 1, 21)
"""Overlaps that a frame must exceed to be a success."""
PRECISION_THRESHOLDS = np.arange(51.0)
"""Pixels that a centre may be off at most."""
NORMALISED_THRESHOLDS = np.arange(51) / 100
"""Shares of the true width and height that a centre may be off at most."""
HEADLINE = 20
"""Index of the threshold that is quoted: 20 pixels, and 0.2 of the size."""


def box_overlap(predicted: Boxes, truth: Boxes) -> Values:
    """
    Return the intersection over union [T] of boxes [T, 4].

    It is 0 without a predicted box, and NaN without a true box of positive area.
    """
    return np.where(_sized(truth), box_iou(predicted, truth), np.nan)


def centre_error(predicted: Boxes, truth: Boxes) -> Values:
    """Return the distance [T] between the centres of boxes [T, 4], in pixels; NaN without both."""
    off = (predicted[:, :2] + predicted[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    return np.where(_sized(predicted) & _sized(truth), np.hypot(off[:, 0], off[:, 1]), np.nan)


def normalised_centre_error(predicted: Boxes, truth: Boxes) -> Values:
    """Return the centre error [T] in units of the true width and height (LaSOT, section 4.2)."""
    off = (predicted[:, :2] + predicted[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    size = truth[:, 2:] - truth[:, :2]
    off = off / np.where(size > 0, size, np.nan)
    return np.where(_sized(predicted) & _sized(truth), np.hypot(off[:, 0], off[:, 1]), np.nan)


def success_curve(overlaps: Values) -> Values:
    """
    Return the share of frames [21] whose overlap exceeds each threshold; NaN is a failure.

    The share of no frames is NaN.
    """
    if not len(overlaps):
        return np.full(len(SUCCESS_THRESHOLDS), np.nan)
    return np.asarray((overlaps[:, None] > SUCCESS_THRESHOLDS).mean(axis=0))


def success_auc(overlaps: Values) -> float:
    """Return the mean of the success curve, known as its AUC; NaN without frames."""
    return float(success_curve(overlaps).mean())


def precision_curve(errors: Values, thresholds: Values) -> Values:
    """Return the share of frames [N] whose error is within each of the thresholds [N]."""
    return np.asarray((errors[:, None] <= thresholds).mean(axis=0))


@dataclass(frozen=True)
class OnePass:
    """Success and precision curves of one sequence."""

    success: Values
    """[21]"""
    precision: Values
    """[51]"""
    normalised_precision: Values
    """[51]"""


@dataclass(frozen=True)
class OnePassScores:
    """Published figures of OTB and LaSOT, each in [0, 1]."""

    auc: float
    precision: float
    """Within 20 pixels."""
    normalised_precision: float
    """Within 0.2 of the true size."""


def one_pass(predicted: Boxes, truth: Boxes, visible: Flags) -> OnePass:
    """
    Evaluate boxes [T, 4] of one sequence as the toolkits of OTB and LaSOT do.

    The first frame, that of the prompt, counts as found. A frame without a box keeps the box
    before it. Frames without a visible target or a true box of some size are failures, whatever
    was predicted, and count: so do the published figures.

    :param visible: [T]; LaSOT marks frames of full occlusion and out of view, OTB none.
    """
    predicted = _carried_forward(np.concatenate([truth[:1], predicted[1:]]))
    truth = np.where(visible[:, None], truth, np.nan)
    return OnePass(
        success_curve(box_overlap(predicted, truth)),
        precision_curve(centre_error(predicted, truth), PRECISION_THRESHOLDS),
        precision_curve(normalised_centre_error(predicted, truth), NORMALISED_THRESHOLDS),
    )


def one_pass_scores(sequences: Iterable[OnePass]) -> OnePassScores:
    """Return the figures over sequences, each weighted equally whatever its length."""
    passes = list(sequences)
    return OnePassScores(
        float(np.mean([each.success for each in passes])),
        float(np.mean([each.precision[HEADLINE] for each in passes])),
        float(np.mean([each.normalised_precision[HEADLINE] for each in passes])),
    )


@dataclass(frozen=True)
class OverlapScores:
    """Published figures of GOT-10k, each in [0, 1]."""

    average_overlap: float
    success_rate_50: float
    success_rate_75: float


def got10k_overlaps(
    predicted: Boxes, truth: Boxes, visible: Flags, width: int, height: int
) -> Values:
    """
    Return the overlaps of one sequence's boxes [T, 4] that GOT-10k counts.

    The first frame and those without a visible target are left out. Boxes are bounded as the
    toolkit bounds them: the corner moves into the image, the size stays unless it would leave it.
    """
    bounded = [_bounded(boxes[1:], width, height) for boxes in (predicted, truth)]
    overlaps = box_overlap(*bounded)
    # A true box that the bounds leave nothing of overlaps nothing.
    return np.nan_to_num(overlaps)[visible[1:]]


def got10k_scores(sequences: Iterable[Values]) -> OverlapScores:
    """Return the figures over the overlaps of all sequences, each frame weighted equally."""
    overlaps = np.concatenate(list(sequences))
    return OverlapScores(
        float(overlaps.mean()), float((overlaps > 0.5).mean()), float((overlaps > 0.75).mean())
    )


def _sized(boxes: Boxes) -> Flags:
    return np.asarray((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


def _carried_forward(boxes: Boxes) -> Boxes:
    newest = np.where(_sized(boxes), np.arange(len(boxes)), 0)
    return boxes[np.maximum.accumulate(newest)]


def _bounded(boxes: Boxes, width: int, height: int) -> Boxes:
    limit = np.array([width, height], np.float64)
    corner = np.clip(boxes[:, :2], 0, limit)
    size = np.clip(boxes[:, 2:] - boxes[:, :2], 0, limit - corner)
    return np.concatenate([corner, corner + size], axis=1)
