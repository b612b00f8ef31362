# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Draw the logs of runs: `python -m sam_tracker.training.curves log.jsonl curves.png`."""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import numpy as np
from numpy.typing import NDArray

Record = dict[str, Any]
Values = NDArray[np.float64]

# Fields of the log that are drawn, and their names in the picture.
_TRAINING = {
    'j0_box': 'prompted frame, box',
    'j1_box': 'next frame, box',
    'j1_mask': 'next frame, mask',
    'j_last': 'last frame of the clip',
    'copy': 'first mask left in place, last frame',
}
SMOOTHED_RECORDS = 9
"""Neighbouring records of the log of which the mean is drawn."""
_HELD_OUT = {'j': 'mean J', 'j0': 'J of the prompted frame', 'static_box': 'box left in place'}


def read_logs(paths: Sequence[Path]) -> list[Record]:
    """
    Return the records of logs, without those of the settings of a run.

    Where a run started from another's weights, the frames are counted on.
    """
    records: list[Record] = []
    for path in paths:
        before = max((record['frames'] for record in records), default=0)
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if 'minutes' in record:
                records.append({**record, 'frames': before + record['frames']})
    return records


def _curve(records: list[Record], name: str) -> tuple[Values, Values]:
    """Return thousands of frames and the mean over neighbouring records that hold the value."""
    chosen = [record for record in records if name in record]
    if not chosen:
        return np.empty(0), np.empty(0)
    frames = np.array([record['frames'] / 1000 for record in chosen])
    window = np.ones(min(SMOOTHED_RECORDS, len(chosen)))
    counts = np.convolve(np.ones(len(chosen)), window, 'same')
    return frames, np.convolve([record[name] for record in chosen], window, 'same') / counts


def draw_curves(records: list[Record], path: Path) -> None:
    """Draw overlaps while training, on held-out clips, and losses, as a PNG file."""
    figure = Figure(figsize=(13, 4.2), layout='constrained')
    training, held_out, losses = figure.subplots(1, 3)
    for name, label in _TRAINING.items():
        training.plot(*_curve(records, name), label=label)
    training.set(title='training clips, newest weights', ylabel='IoU', ylim=(0, 1))
    for difficulty, style in (('easy', '--'), ('medium', '-')):
        looks = [record for record in records if f'held_out_{difficulty}' in record]
        frames = [record['frames'] / 1000 for record in looks]
        for index, (name, label) in enumerate(_HELD_OUT.items()):
            values = [record[f'held_out_{difficulty}'][name] for record in looks]
            held_out.plot(
                frames,
                values,
                style,
                marker='.',
                color=f'C{index}',
                label=f'{difficulty}, {label}',
            )
    held_out.set(title='held-out clips, averaged weights', ylabel='IoU', ylim=(0, 1))
    for name in ('mask', 'iou', 'presence_loss'):
        losses.plot(*_curve(records, name), label=name)
    losses.set(title='losses', yscale='log')
    for panel in (training, held_out, losses):
        panel.set_xlabel('thousand frames')
        panel.grid(alpha=0.3)
        panel.legend(fontsize='small')
    path.parent.mkdir(parents=True, exist_ok=True)
    # The canvas is given, so that no display is needed.
    FigureCanvasAgg(figure).print_png(path)


def main() -> None:
    """Read the logs that the command line names and draw them."""
    parser = argparse.ArgumentParser(prog='python -m sam_tracker.training.curves')
    parser.add_argument('logs', type=Path, nargs='+', help='log.jsonl of runs, the first first')
    parser.add_argument('picture', type=Path, help='PNG file to write')
    options = parser.parse_args()
    draw_curves(read_logs(options.logs), options.picture)


if __name__ == '__main__':
    main()
