# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""``clips FOLDER``: box IoU at each frame labelled by hand."""

import argparse
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from sam_tracker.command_line import table
from sam_tracker.evaluation.commands.options import (
    SubCommands,
    add_floors_option,
    add_network_options,
    floors,
    positive,
    setup,
    show,
    tell,
)
from sam_tracker.evaluation.contact_sheet import contact_sheet
from sam_tracker.evaluation.evaluate import Results, evaluate, make_follower
from sam_tracker.evaluation.followers.follower import Follower
from sam_tracker.evaluation.readers.labelled_clips import labelled_clips, object_names
from sam_tracker.evaluation.sequence import Dataset, DatasetError
from sam_tracker.video.sources import silence_decoders


def add_command(commands: SubCommands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        'clips',
        help='box IoU at the labelled frames of real clips',
        description='Follow the objects of FOLDER/labels.json from their first labelled box, and '
        'print the box IoU at each labelled frame; means over all of them on the last line.',
    )
    parser.add_argument('folder', type=Path, metavar='FOLDER')
    add_network_options(parser, ('sam2', 'samurai', 'sam_tracker'))
    add_floors_option(parser)
    parser.add_argument(
        '--sheet', type=Path, metavar='FILE',
        help='write a picture of every 15th frame, followed in the last of the modes',
    )  # fmt: skip
    parser.add_argument('--workers', type=positive, default=1, help='processes (%(default)s)')
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each label, and the mean of each mode."""
    silence_decoders()
    dataset, absent = labelled_clips(options.folder)
    for name in absent:
        tell(f'{name} is labelled but absent: skipped')
    if not dataset.sequence_names:
        raise DatasetError(f'{options.folder} has none of the clips that its labels name')
    compared = setup(options, floors() if options.floors else ())
    results = evaluate(partial(_present, options.folder), compared, options.workers)
    rows = _rows(options.folder, results)
    means = [f'{np.mean([row[2][mode] for row in rows]):.3f}' for mode in results]
    show(
        table(
            ['object', 'frame', *results],
            [
                *(
                    [name, str(frame), *(f'{value:.3f}' for value in overlaps.values())]
                    for name, frame, overlaps in rows
                ),
                ['mean', '', *means],
            ],
        )
    )
    if options.sheet is not None:
        follower = (options.modes or compared.followers)[-1]
        _write_sheet(options.sheet, dataset, make_follower(follower, compared))


def _write_sheet(path: Path, dataset: Dataset, follower: Follower) -> None:
    picture = contact_sheet(dataset, follower)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture):
        raise DatasetError(f'{path} cannot be written as a picture')


def _present(folder: Path) -> Dataset:
    return labelled_clips(folder)[0]


def _rows(folder: Path, results: Results) -> list[tuple[str, int, dict[str, float]]]:
    rows = []
    for clip in zip(*results.values(), strict=True):
        names = object_names(folder, clip[0].sequence)
        for targets in zip(*(result.targets for result in clip), strict=True):
            target = targets[0].target
            for frame in target.judged_frames:
                overlaps = [float(result.overlap[frame]) for result in targets]
                name = f'{clip[0].sequence}: {names[target.object_id - 1]}'
                rows.append((name, int(frame), dict(zip(results, overlaps, strict=True))))
    return rows
