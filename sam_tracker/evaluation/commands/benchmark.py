# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""``lasot``, ``got10k``, ``otb``, ``davis``, ``sav``: public benchmarks, by their own figures."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sam_tracker.evaluation.benchmarks import (
    Scoring,
    got10k_figures,
    mask_figures,
    one_pass_figures,
)
from sam_tracker.evaluation.commands.options import (
    SubCommands,
    add_floors_option,
    add_network_options,
    add_run_options,
    floors,
    positive,
    setup,
    show,
)
from sam_tracker.evaluation.evaluate import Results, evaluate
from sam_tracker.evaluation.metrics.boxes import success_curve
from sam_tracker.evaluation.plot import plot_success
from sam_tracker.evaluation.readers.davis import davis
from sam_tracker.evaluation.readers.got10k import got10k
from sam_tracker.evaluation.readers.lasot import lasot
from sam_tracker.evaluation.readers.otb import otb
from sam_tracker.evaluation.readers.sav import sav
from sam_tracker.evaluation.report import scores_table, write_json
from sam_tracker.evaluation.run import SequenceResult
from sam_tracker.evaluation.sequence import Dataset


@dataclass(frozen=True)
class Benchmark:
    """A public benchmark."""

    name: str
    open_folder: Callable[..., Dataset]
    scoring: Scoring
    subsets: tuple[str, ...] = ()
    """Names of subsets, the default first; empty if the folder holds one set alone."""
    exclusive: bool | None = None
    """Whether its truth lets no two objects share a pixel; None: it has one object a sequence."""


BENCHMARKS = {
    'lasot': Benchmark('LaSOT', lasot, one_pass_figures),
    'got10k': Benchmark('GOT-10k', got10k, got10k_figures, ('val', 'test')),
    'otb': Benchmark('OTB', otb, one_pass_figures),
    'davis': Benchmark('DAVIS 2017', davis, mask_figures, ('val', 'train'), exclusive=True),
    'sav': Benchmark('SA-V val or test', sav, mask_figures, exclusive=False),
}


def add_commands(commands: SubCommands) -> None:
    """Add a command for each benchmark to the parser."""
    for key, benchmark in BENCHMARKS.items():
        parser = commands.add_parser(
            key,
            help=f'{benchmark.name}, as its own toolkit measures it',
            description=f'Follow the objects of {benchmark.name} and print the figures by which '
            'it is quoted, in per cent.',
        )
        parser.add_argument('folder', type=Path, metavar='FOLDER')
        if benchmark.subsets:
            parser.add_argument(
                '--subset', choices=benchmark.subsets, default=benchmark.subsets[0]
            )
        add_network_options(parser, ('sam2', 'samurai'))
        add_floors_option(parser)
        parser.add_argument('--sequences', type=positive, help='the first so many alone')
        parser.add_argument(
            '--save-boxes', action='store_true',
            help='write x, y, width, height of every frame as OUTPUT/MODE/SEQUENCE.txt',
        )  # fmt: skip
        add_run_options(parser, f'out/evaluation/{key}')
        parser.set_defaults(run=partial(run, benchmark))


def run(benchmark: Benchmark, options: argparse.Namespace) -> None:
    """Print a line for each mode; write figures.json and a picture to the output folder."""
    opening = partial(benchmark.open_folder, options.folder)
    if benchmark.subsets:
        opening = partial(opening, subset=options.subset)
    compared = setup(options, floors() if options.floors else (), benchmark.exclusive)
    results = evaluate(opening, compared, options.workers, options.sequences)
    scores = {mode: benchmark.scoring(followed) for mode, followed in results.items()}
    count = len(next(iter(results.values())))
    show(f'{benchmark.name}: {count} sequences, {options.checkpoint}')
    show(scores_table(scores))
    write_json(
        options.output / 'figures.json',
        {
            'benchmark': benchmark.name,
            'checkpoint': options.checkpoint,
            'sequences': count,
            'scores': scores,
            'by_sequence': {
                mode: {result.sequence: benchmark.scoring([result]) for result in followed}
                for mode, followed in results.items()
            },
        },
    )
    plot_success(options.output / 'success.png', benchmark.name, _success(results))
    if options.save_boxes:
        for mode, followed in results.items():
            for result in followed:
                save_boxes(options.output / mode, result)


def save_boxes(folder: Path, result: SequenceResult) -> None:
    """
    Write the boxes of a sequence in the format of the toolkits and evaluation servers.

    One line of x, y, width and height for each frame; zeros where the object was not seen. A
    sequence of several targets gets a file for each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for target in result.targets:
        boxes = np.nan_to_num(target.boxes)
        rows = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        number = f'_{target.target.object_id}' if len(result.targets) > 1 else ''
        np.savetxt(folder / f'{result.sequence}{number}.txt', rows, fmt='%.3f', delimiter=',')


def _success(results: Results) -> dict[str, np.ndarray]:
    curves = {}
    for mode, followed in results.items():
        overlaps = [_overlaps(result) for result in followed]
        curves[mode] = success_curve(np.concatenate(overlaps))
    return curves


def _overlaps(result: SequenceResult) -> np.ndarray:
    """Return the overlaps of all frames after the first, of boxes or else of masks."""
    values: Sequence[np.ndarray] = [
        np.where(np.isnan(target.overlap), target.region, target.overlap)[1:]
        for target in result.targets
    ]
    overlaps = np.concatenate(values)
    return overlaps[~np.isnan(overlaps)]
