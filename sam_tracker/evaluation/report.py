# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of figures as plain text, and JSON."""

from collections.abc import Mapping
from dataclasses import asdict
import json
import math
from pathlib import Path
from typing import Any

from sam_tracker.command_line import table
from sam_tracker.evaluation.metrics.spread import Estimate, paired_difference
from sam_tracker.evaluation.summary import HORIZONS, TITLES, Summary, horizon_key

COMPARED = ('region', 'auc')
"""Figures by which trackers are compared clip by clip."""


def scores_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """Return a benchmark's figures, follower -> figure -> value in [0, 1], in per cent."""
    keys = list(next(iter(scores.values())))
    return table(
        ['', *keys],
        [[name, *(_number(row[key] * 100, 2) for key in keys)] for name, row in scores.items()],
    )


def figures_table(
    title: str,
    columns: Mapping[str, str],
    figures: Mapping[str, Mapping[str, float]],
) -> str:
    """
    Return a table of figures, a row for each name.

    :param columns: key of a figure to the head of its column.
    :param figures: name of a row to its figures by their keys.
    """
    return table(
        [title, *columns.values()],
        [[name, *(_number(row[key], 3) for key in columns)] for name, row in figures.items()],
    )


def summary_table(summaries: Mapping[str, Summary]) -> str:
    """Return the figures of one set of clips, a row for each tracker."""
    rows = [
        [
            name,
            *(_number(summary.figures[key].value, 3) for key in TITLES),
            _number(summary.frames_per_second, 0),
        ]
        for name, summary in summaries.items()
    ]
    return table(['', *TITLES.values(), 'frames/s'], rows)


def horizon_table(summaries: Mapping[str, Summary]) -> str:
    """Return a table of J by the number of frames since the prompt."""
    stretches = [
        (first, last)
        for first, last in HORIZONS
        if any(s.figures[horizon_key(first, last)].count for s in summaries.values())
    ]
    header = [
        str(first) if first == last else f'{first}..{"" if last is None else last}'
        for first, last in stretches
    ]
    rows = [
        [name, *(_number(s.figures[horizon_key(*stretch)].value, 3) for stretch in stretches)]
        for name, s in summaries.items()
    ]
    return table(['J by frames since the prompt', *header], rows)


def overview_table(sets: Mapping[str, Mapping[str, Summary]], key: str) -> str:
    """Return a table of one figure of TITLES, sets of clips by trackers."""
    trackers = list(dict.fromkeys(name for summaries in sets.values() for name in summaries))
    rows = [
        [
            set_name,
            *(
                _number(summaries[name].figures[key].value, 3) if name in summaries else ''
                for name in trackers
            ),
        ]
        for set_name, summaries in sets.items()
    ]
    return table([TITLES[key], *trackers], rows)


def difference_table(summaries: Mapping[str, Summary], baseline: str) -> str:
    """Return a table of paired differences to the baseline, with 95 % intervals."""
    compared = [name for name in summaries if name != baseline]
    rows = [
        [
            f'{name} - {baseline}',
            *(str(differences(summaries, name, baseline)[key]) for key in COMPARED),
        ]
        for name in compared
    ]
    return table(['mean difference [95 %]', *(TITLES[key] for key in COMPARED)], rows)


def differences(summaries: Mapping[str, Summary], name: str, baseline: str) -> dict[str, Estimate]:
    """Return the paired differences of two trackers in the figures of COMPARED."""
    return {
        key: paired_difference(summaries[name].per_clip[key], summaries[baseline].per_clip[key])
        for key in COMPARED
    }


def summary_as_json(summary: Summary) -> dict[str, Any]:
    """Return a summary as content for ``write_json``."""
    return {
        'figures': {key: asdict(estimate) for key, estimate in summary.figures.items()},
        'per_clip': {key: values.tolist() for key, values in summary.per_clip.items()},
        'clips': list(summary.clip_names),
        'absent_frames': summary.absent_frames,
        'absences': summary.absences,
        'frames_per_second': summary.frames_per_second,
    }


def write_json(path: Path, content: object) -> None:
    """Write content as JSON; NaN and infinity become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_finite(content), indent=1, allow_nan=False)
    path.write_text(text + '\n', encoding='utf-8')


def _finite(content: object) -> object:
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def _number(value: float, digits: int) -> str:
    return '-' if math.isnan(value) else f'{value:.{digits}f}'
