# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""``real FOLDER``: recorded sequences of several layouts, beside CSRT and a static box."""

import argparse
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import cv2

from sam_tracker.evaluation import recorded
from sam_tracker.evaluation.commands.options import (
    SubCommands,
    add_network_options,
    add_run_options,
    floors,
    positive,
    setup,
    show,
)
from sam_tracker.evaluation.contact_sheet import COLUMNS, contact_sheet
from sam_tracker.evaluation.evaluate import evaluate, make_follower
from sam_tracker.evaluation.followers.follower import Follower
from sam_tracker.evaluation.readers.real import real
from sam_tracker.evaluation.report import figures_table, write_json
from sam_tracker.evaluation.sequence import Dataset, DatasetError
from sam_tracker.video.sources import silence_decoders

WORST = 5
"""Sequences that are shown in the picture."""


def add_command(commands: SubCommands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        'real',
        help='recorded sequences in the layouts of OTB and DAVIS, or labelled by hand',
        description='Follow each object from its first box, and print means over the objects: of '
        'the box IoU of all later frames that show it, of AUC, of the share of frames above 0.5, '
        'of J where there are masks, and of presence.',
    )
    parser.add_argument('folder', type=Path, metavar='FOLDER')
    add_network_options(parser, ('sam2', 'samurai', 'sam_tracker'))
    parser.add_argument(
        '--no-floors', action='store_true',
        help="without OpenCV's best tracker and the box left in place",
    )  # fmt: skip
    parser.add_argument(
        '--sequences', nargs='+', default=[], metavar='NAME', help='these sequences alone'
    )
    parser.add_argument('--limit', type=positive, help='the first so many sequences alone')
    add_run_options(parser, 'out/evaluation/real')
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the tables; write figures.json and, for the last mode, worst.jpg."""
    silence_decoders()
    opening = partial(real, options.folder, tuple(options.sequences))
    compared = setup(options, () if options.no_floors else floors())
    results = evaluate(opening, compared, options.workers, options.limit)
    rows = {follower: recorded.rows(followed) for follower, followed in results.items()}
    means = {follower: recorded.means(chosen) for follower, chosen in rows.items()}
    objects = next(iter(rows.values()))
    show(f'{options.folder}: {len(objects)} objects, {options.checkpoint}')
    show(figures_table('', recorded.FIGURES, means))
    columns = {follower: follower for follower in rows}
    groups = {follower: recorded.by_attribute(chosen) for follower, chosen in rows.items()}
    of_groups = {
        f'{label} ({len(group)})': {
            follower: recorded.means(groups[follower][label])['overlap'] for follower in rows
        }
        for label, group in recorded.by_attribute(objects).items()
    }
    of_objects = {
        each[0].name: dict(zip(rows, (row.figures['overlap'] for row in each), strict=True))
        for each in zip(*rows.values(), strict=True)
    }
    for overlaps in (of_groups, of_objects):
        show()
        show(figures_table('box IoU', columns, overlaps))
    write_json(
        options.output / 'figures.json',
        {
            'checkpoint': options.checkpoint,
            'means': means,
            'objects': {
                follower: [asdict(row) for row in chosen] for follower, chosen in rows.items()
            },
        },
    )
    if options.modes:
        mode = options.modes[-1]
        names = recorded.worst(rows[mode], WORST)
        _show(
            options.output / 'worst.jpg',
            replace(opening(), sequence_names=names),
            make_follower(mode, compared),
        )


def _show(path: Path, dataset: Dataset, follower: Follower) -> None:
    """Write a picture of sequences, a row for each."""
    picture = contact_sheet(dataset, follower, pictures=COLUMNS)
    if not cv2.imwrite(str(path), picture):
        raise DatasetError(f'{path} cannot be written as a picture')
