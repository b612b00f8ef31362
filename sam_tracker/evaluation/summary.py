# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of generated clips, which have ground truth for every frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.evaluation.metrics.boxes import (
    HEADLINE,
    NORMALISED_THRESHOLDS,
    PRECISION_THRESHOLDS,
    centre_error,
    normalised_centre_error,
    success_auc,
)
from sam_tracker.evaluation.metrics.identity import NOBODY, identity_switches
from sam_tracker.evaluation.metrics.presence import (
    balanced_accuracy,
    presence_rates,
    reacquisition_delays,
    returned_frames,
)
from sam_tracker.evaluation.metrics.spread import Estimate, estimate, mean_estimate
from sam_tracker.evaluation.run import SequenceResult, TargetResult

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

HORIZONS = ((1, 1), (2, 5), (6, 15), (16, 30), (31, 60), (61, None))
"""First and last frame after the prompt of each interval over which J is averaged."""

TITLES = {
    'region': 'J',
    'boundary': 'F',
    'auc': 'AUC',
    'precision': 'P20',
    'normalised_precision': 'Pnorm',
    'presence': 'presence',
    'specificity': 'gone',
    'returned': 'J after return',
    'reacquired': 'found again',
    'delay': 'after frames',
    'switches': 'switches',
    'on_another': 'on another',
}
"""Key of a figure to the head of its column, in the order of the tables."""


@dataclass(frozen=True)
class Summary:
    """One tracker on N clips, each with one target."""

    figures: dict[str, Estimate]
    """
    By the keys of TITLES; the other half of presence as ``sensitivity``; J over each stretch of
    HORIZONS as ``horizon_1-1`` and so on.
    """
    per_clip: dict[str, Values]
    """[N] of every figure that a single clip has; NaN where it has none."""
    clip_names: tuple[str, ...]
    absent_frames: int
    """Frames of all clips on which the object cannot be seen, as far as is beyond doubt."""
    absences: int
    """Absences after which the object could be found again."""
    frames_per_second: float
    """Frames per second of the tracker alone."""


def summarise(results: Sequence[SequenceResult]) -> Summary:
    """
    Return the figures over clips of one target each, with confidence intervals.

    The frame of the prompt never counts. J, F and the figures of boxes are means over the frames
    on which the object is visible, then over clips. Presence, J after the return, found again and
    its delay are counted over the frames and absences of all clips together, since few clips have
    them.
    """
    targets = [target for result in results for target in result.targets]
    if len(targets) != len(results):
        raise ValueError(f'{len(results)} clips have {len(targets)} targets, not one each')
    clips = [_clip_figures(target) for target in targets]
    per_clip = {key: np.array([clip[key] for clip in clips]) for key in clips[0]}
    figures = {key: mean_estimate(values) for key, values in per_clip.items()}
    judged = [_judged(target) for target in targets]
    delays = [_delays(target) for target in targets]
    returned = [_after_return(target) for target in targets]
    figures |= _presence(judged) | _reacquisition(delays)
    figures['returned'] = estimate(
        lambda chosen: _mean(np.concatenate([returned[index] for index in chosen])), len(returned)
    )
    return Summary(
        figures=figures,
        per_clip=per_clip,
        clip_names=tuple(result.sequence for result in results),
        absent_frames=sum(int(np.count_nonzero(~visible)) for _, visible in judged),
        absences=sum(len(of_clip) for of_clip in delays),
        frames_per_second=sum(result.frame_count for result in results)
        / sum(result.seconds for result in results),
    )


def region_by_frame(results: Sequence[SequenceResult]) -> Values:
    """Return J [T] at each frame after the prompt, a mean over the clips that show the object."""
    stretches = [
        np.where(target.target.visible, target.region, np.nan)[target.target.first_frame :]
        for result in results
        for target in result.targets
    ]
    longest = max(len(stretch) for stretch in stretches)
    table = np.full((len(stretches), longest), np.nan)
    for row, stretch in zip(table, stretches, strict=True):
        row[: len(stretch)] = stretch
    counts = np.count_nonzero(~np.isnan(table), axis=0)
    return np.where(counts > 0, np.nansum(table, axis=0) / np.maximum(counts, 1), np.nan)


def visible_overlaps(result: TargetResult) -> Values:
    """Return the box overlaps on the frames after the prompt that show the object."""
    return result.overlap[_visible_frames(result)]


def _visible_frames(result: TargetResult) -> NDArray[np.int64]:
    frames = np.flatnonzero(result.target.visible)
    return frames[frames > result.target.first_frame]


def _clip_figures(result: TargetResult) -> dict[str, float]:
    frames = _visible_frames(result)
    predicted, truth = result.boxes[frames], result.target.boxes[frames]
    shown = result.identities[frames]
    figures = {
        'region': _mean(result.region[frames]),
        'boundary': _mean(result.boundary[frames]),
        'auc': success_auc(result.overlap[frames]),
        'precision': _mean(centre_error(predicted, truth) <= PRECISION_THRESHOLDS[HEADLINE]),
        'normalised_precision': _mean(
            normalised_centre_error(predicted, truth) <= NORMALISED_THRESHOLDS[HEADLINE]
        ),
        'switches': float(
            identity_switches(np.append(result.target.object_id, result.identities))
        ),
        'on_another': _mean((shown != NOBODY) & (shown != result.target.object_id)),
    }
    after = frames - result.target.first_frame
    for first, last in HORIZONS:
        stretch = (after >= first) & (after <= (last or after.max(initial=0)))
        figures[horizon_key(first, last)] = _mean(result.region[frames[stretch]])
    return figures


def horizon_key(first: int, last: int | None) -> str:
    return f'horizon_{first}-{"end" if last is None else last}'


def _judged(result: TargetResult) -> tuple[Flags, Flags]:
    """Return predicted and true presence on the frames after the prompt."""
    frames = result.target.judged_frames
    frames = frames[frames > result.target.first_frame]
    return result.present[frames], result.target.visible[frames]


def _presence(judged: Sequence[tuple[Flags, Flags]]) -> dict[str, Estimate]:
    def joined(chosen: NDArray[np.int64]) -> tuple[Flags, Flags]:
        present, visible = zip(*(judged[index] for index in chosen), strict=True)
        return np.concatenate(present), np.concatenate(visible)

    return {
        'presence': estimate(lambda chosen: balanced_accuracy(*joined(chosen)), len(judged)),
        'sensitivity': estimate(lambda chosen: presence_rates(*joined(chosen))[0], len(judged)),
        'specificity': estimate(lambda chosen: presence_rates(*joined(chosen))[1], len(judged)),
    }


def _after_return(result: TargetResult) -> Values:
    """Return J on the frames that show the object after an absence."""
    start = result.target.first_frame
    region = result.region[start:][returned_frames(result.target.visible[start:])]
    return region[~np.isnan(region)]


def _delays(result: TargetResult) -> list[int | None]:
    start = result.target.first_frame
    return reacquisition_delays(result.overlap[start:], result.target.visible[start:])


def _reacquisition(delays: Sequence[list[int | None]]) -> dict[str, Estimate]:
    def found(chosen: NDArray[np.int64]) -> float:
        return _mean(np.array([delay is not None for index in chosen for delay in delays[index]]))

    def delay(chosen: NDArray[np.int64]) -> float:
        known = [delay for index in chosen for delay in delays[index] if delay is not None]
        return _mean(np.array(known))

    return {'reacquired': estimate(found, len(delays)), 'delay': estimate(delay, len(delays))}


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else float('nan')
