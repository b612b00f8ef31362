# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Plots of success curves and of J over time."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import numpy as np
from numpy.typing import NDArray

from sam_tracker.evaluation.metrics.boxes import SUCCESS_THRESHOLDS

Values = NDArray[np.float64]


def plot_success_and_horizon(
    path: Path, title: str, success: Mapping[str, Values], region: Mapping[str, Values]
) -> None:
    """
    Plot the success curves and J over time, as a PNG file.

    :param success: tracker -> success curve [21].
    :param region: tracker -> mean J [T] at each frame after the prompt.
    """
    figure = Figure(figsize=(11, 4.2), layout='constrained')
    left, right = figure.subplots(1, 2)
    for name, curve in success.items():
        left.plot(SUCCESS_THRESHOLDS, curve, label=f'{name} ({np.mean(curve):.3f})')
    left.set(xlabel='overlap of boxes', ylabel='share of frames above', xlim=(0, 1), ylim=(0, 1))
    left.legend(title='area')
    for name, curve in region.items():
        right.plot(np.arange(len(curve)), curve, label=f'{name} ({np.nanmean(curve[1:]):.3f})')
    right.set(xlabel='frames since the prompt', ylabel='mean J', ylim=(0, 1))
    right.legend(title='mean')
    _finish(figure, (left, right), path, title)


def plot_success(path: Path, title: str, success: Mapping[str, Values]) -> None:
    """Draw the success curves [21] of trackers on a benchmark, as a PNG file."""
    figure = Figure(figsize=(6, 4.2), layout='constrained')
    axes = figure.subplots()
    for name, curve in success.items():
        axes.plot(SUCCESS_THRESHOLDS, curve, label=f'{name} ({np.mean(curve):.3f})')
    axes.set(xlabel='overlap', ylabel='share of frames above', xlim=(0, 1), ylim=(0, 1))
    axes.legend(title='area')
    _finish(figure, (axes,), path, title)


def _finish(figure: Figure, panels: tuple[object, ...], path: Path, title: str) -> None:
    figure.suptitle(title)
    for panel in panels:
        panel.grid(alpha=0.3)  # type: ignore[attr-defined]
    path.parent.mkdir(parents=True, exist_ok=True)
    # The canvas is given, so that no display is needed.
    FigureCanvasAgg(figure).print_png(path)
