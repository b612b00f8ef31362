# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The published figures of each benchmark, from the results of its sequences.

They are computed as the published toolkits do and are comparable with published figures.
"""

from collections.abc import Callable, Sequence

import numpy as np

from sam_tracker.evaluation.metrics.boxes import (
    got10k_overlaps,
    got10k_scores,
    one_pass,
    one_pass_scores,
)
from sam_tracker.evaluation.run import SequenceResult, TargetResult

Scores = dict[str, float]
"""Name of a figure to its value in [0, 1]."""
Scoring = Callable[[Sequence[SequenceResult]], Scores]


def one_pass_figures(results: Sequence[SequenceResult]) -> Scores:
    """Return the figures of OTB and LaSOT."""
    scores = one_pass_scores(
        one_pass(result.boxes, result.target.boxes, result.target.visible)
        for result in _targets(results)
    )
    return {
        'AUC': scores.auc,
        'Pnorm': scores.normalised_precision,
        'P20': scores.precision,
    }


def got10k_figures(results: Sequence[SequenceResult]) -> Scores:
    """Return the figures of GOT-10k; NaN for its test subset, whose ground truth is withheld."""
    overlaps = []
    for sequence in results:
        for result in sequence.targets:
            target = result.target
            if np.isnan(target.boxes).any():
                return {'AO': np.nan, 'SR50': np.nan, 'SR75': np.nan}
            overlaps.append(
                got10k_overlaps(result.boxes, target.boxes, target.visible, *sequence.image_size)
            )
    scores = got10k_scores(overlaps)
    return {
        'AO': scores.average_overlap,
        'SR50': scores.success_rate_50,
        'SR75': scores.success_rate_75,
    }


def mask_figures(results: Sequence[SequenceResult]) -> Scores:
    """
    Return the figures of DAVIS and SA-V: means over objects of means over frames.

    Of the frames with truth, the first and the last are left out; so are those before the object
    was first visible.
    """
    regions, boundaries = [], []
    for result in _targets(results):
        frames = result.target.judged_frames[1:-1]
        frames = frames[np.logical_or.accumulate(result.shown[frames])]
        if len(frames):
            regions.append(result.region[frames].mean())
            boundaries.append(result.boundary[frames].mean())
    if not regions:
        return {'J&F': np.nan, 'J': np.nan, 'F': np.nan}
    region, boundary = float(np.mean(regions)), float(np.mean(boundaries))
    return {'J&F': (region + boundary) / 2, 'J': region, 'F': boundary}


def _targets(results: Sequence[SequenceResult]) -> list[TargetResult]:
    return [target for result in results for target in result.targets]
