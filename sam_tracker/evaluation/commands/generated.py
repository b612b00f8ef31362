# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""``generated``: plain SAM 2, SAMURAI and each of its rules alone on held-out generated clips."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sam_tracker.evaluation.commands.options import (
    SubCommands,
    add_network_options,
    add_run_options,
    floors,
    positive,
    setup,
    show,
)
from sam_tracker.evaluation.evaluate import Results, evaluate
from sam_tracker.evaluation.metrics.boxes import success_curve
from sam_tracker.evaluation.plot import plot_success_and_horizon
from sam_tracker.evaluation.readers.generated_clips import FIRST_SEED, PROMPT_KINDS, generated
from sam_tracker.evaluation.report import (
    difference_table,
    horizon_table,
    overview_table,
    summary_as_json,
    summary_table,
    write_json,
)
from sam_tracker.evaluation.summary import (
    Summary,
    region_by_frame,
    summarise,
    visible_overlaps,
)
from sam_tracker.video.scene_plan import DIFFICULTIES, SCENARIOS, Scenario

ANY = 'any'
MODES = ('sam2', 'selection', 'memory', 'samurai', 'aspect_height', 'sam_tracker')
SETS = (
    'medium/any/box',
    'medium/any/point',
    'medium/any/mask',
    'medium/occlusion/box',
    'medium/look_alike/box',
    'medium/re_entry/box',
    'hard/any/box',
    'hard/occlusion/box',
    'hard/look_alike/box',
)


@dataclass(frozen=True)
class ClipSet:
    """A kind of generated clips and of prompts."""

    difficulty: str
    scenario: Scenario | None
    prompt: str

    @property
    def name(self) -> str:
        return f'{self.difficulty}/{self.scenario or ANY}/{self.prompt}'

    @classmethod
    def named(cls, name: str) -> 'ClipSet':
        """Return the set with a name such as 'hard/occlusion/box'."""
        known: dict[str, Scenario | None] = {ANY: None, **{each: each for each in SCENARIOS}}
        difficulty, scenario, prompt = [*name.split('/'), '', ''][:3]
        if (
            name.count('/') != 2
            or difficulty not in DIFFICULTIES
            or scenario not in known
            or prompt not in PROMPT_KINDS
        ):
            raise argparse.ArgumentTypeError(
                f'{name!r} is no difficulty ({", ".join(DIFFICULTIES)}) / scenario'
                f' ({", ".join(known)}) / prompt ({", ".join(PROMPT_KINDS)})'
            )
        return cls(difficulty, known[scenario], prompt)


def add_command(commands: SubCommands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        'generated',
        help='the comparison on held-out generated clips',
        description='Follow one object of each of many held-out generated clips, in several '
        'modes, and print their figures and their differences on the same clips.',
    )
    add_network_options(parser, MODES)
    parser.add_argument(
        '--sets', nargs='+', type=ClipSet.named, metavar='SET',
        default=[ClipSet.named(name) for name in SETS],
        help=f'difficulty/scenario/prompt (default: {" ".join(SETS)})',
    )  # fmt: skip
    parser.add_argument('--clips', type=positive, default=60, help='in each set (%(default)s)')
    parser.add_argument('--frames', type=positive, default=60, help='of a clip (%(default)s)')
    parser.add_argument('--size', type=positive, default=192, help='of frames (%(default)s)')
    parser.add_argument('--seed', type=int, default=FIRST_SEED, help='of the first clip')
    parser.add_argument(
        '--no-floors', action='store_true', help="leave out OpenCV's tracker and the static box"
    )
    add_run_options(parser, 'out/evaluation/generated')
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print tables for each set; write figures.json and a picture of each to the output folder."""
    content: dict[str, Any] = {'options': _as_json(options), 'sets': {}}
    shown: dict[str, Mapping[str, Summary]] = {}
    lowest = () if options.no_floors else floors()
    for clip_set in options.sets:
        open_dataset = partial(
            generated,
            clip_set.prompt,
            clip_set.difficulty,
            clip_set.scenario,
            options.clips,
            options.frames,
            options.size,
            options.seed,
        )
        # The baselines start from boxes: the same for masks, and impossible for points.
        compared = setup(options, lowest if clip_set.prompt == 'box' else ())
        results = evaluate(open_dataset, compared, options.workers)
        summaries = {name: summarise(followed) for name, followed in results.items()}
        shown[clip_set.name] = summaries
        _show(clip_set, summaries, options)
        _plot(options.output, clip_set, results)
        content['sets'][clip_set.name] = {
            name: summary_as_json(summary) for name, summary in summaries.items()
        }
        # After every set, so that an hour's work is not lost with the next.
        write_json(options.output / 'figures.json', content)
    for key in ('region', 'auc', 'presence'):
        show()
        show(overview_table(shown, key))
    show(f'\nwritten to {options.output}')


def _show(
    clip_set: ClipSet, summaries: Mapping[str, Summary], options: argparse.Namespace
) -> None:
    show(f'\n{clip_set.name}: {options.clips} clips of {options.frames} frames')
    show(summary_table(summaries))
    known = next(iter(summaries.values()))
    show(f'{known.absent_frames} frames without the object, {known.absences} absences')
    show()
    show(horizon_table(summaries))
    show()
    show(difference_table(summaries, baseline=next(iter(summaries))))


def _plot(folder: Path, clip_set: ClipSet, results: Results) -> None:
    success = {
        name: success_curve(
            np.concatenate(
                [visible_overlaps(target) for result in followed for target in result.targets]
            )
        )
        for name, followed in results.items()
    }
    region = {name: region_by_frame(followed) for name, followed in results.items()}
    path = folder / f'{clip_set.name.replace("/", "_")}.png'
    plot_success_and_horizon(path, clip_set.name, success, region)


def _as_json(options: argparse.Namespace) -> dict[str, Any]:
    known = {key: value for key, value in vars(options).items() if key != 'run'}
    known['sets'] = [clip_set.name for clip_set in options.sets]
    known['output'] = str(options.output)
    return known
