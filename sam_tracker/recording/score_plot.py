# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Plot the scores over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sam_tracker.recording.frame import RecordedFrame
from sam_tracker.rendering import object_colour

# Name of each score and the label of its axis.
PANELS = {
    'confidence': 'confidence',
    'mask_affinity_score': 'mask affinity',
    'motion_score': 'motion score',
    'object_score': 'object score (logit)',
}
LABELLED_AT_MOST = 14


@dataclass(frozen=True)
class Scores:
    """The scores of all objects on one image."""

    seconds: float
    """Since the first image."""
    labels: Mapping[int, str]
    """Labels by object id."""
    values: Mapping[int, tuple[float, ...]]
    """Values by object id, in the order of PANELS."""


def scores(frame: RecordedFrame, seconds: float) -> Scores:
    """Return the scores on one image; mask affinity is NaN while an object is not visible."""
    values = {
        track.object_id: (
            track.confidence,
            math.nan if track.box is None else track.mask_affinity_score,
            track.motion_score,
            track.object_score,
        )
        for track in frame.tracks
    }
    return Scores(seconds, {track.object_id: track.label for track in frame.tracks}, values)


def write_score_plot(path: Path, history: Sequence[Scores]) -> None:
    """
    Plot all scores of all objects over time into a PNG file.

    :raises OSError: the file cannot be written.
    """
    # Not by pyplot, which needs a window system and has state for the whole process.
    figure = Figure(figsize=(11, 8), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(PANELS), 1, sharex=True)
    seconds = [entry.seconds for entry in history]
    labels = {key: label for entry in history for key, label in entry.labels.items()}
    absent = (math.nan,) * len(PANELS)
    for object_id in sorted(labels):
        blue, green, red = object_colour(object_id)
        lines = zip(*(entry.values.get(object_id, absent) for entry in history), strict=True)
        for axis, values in zip(axes, lines, strict=True):
            axis.plot(
                seconds,
                values,
                color=(red / 255, green / 255, blue / 255),
                linewidth=1.4,
                marker='.',
                markersize=3,
                # Between dollars Matplotlib expects formulas.
                label=f'#{object_id} {labels[object_id]}'.strip().replace('$', r'\$'),
            )
    for axis, title in zip(axes, PANELS.values(), strict=True):
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
        if 'logit' not in title:
            axis.set_ylim(-0.03, 1.03)
        else:
            axis.axhline(0, color='0.4', linewidth=0.8)
    axes[-1].set_xlim(left=0)
    axes[-1].set_xlabel('time since the first image, s')
    if 0 < len(labels) <= LABELLED_AT_MOST:
        axes[0].legend(loc='lower left', fontsize='small', ncol=min(len(labels), 7))
    figure.savefig(path, dpi=100)
