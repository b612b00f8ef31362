# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""``corrections``: effect of one correcting click on held-out generated clips."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch

from sam_tracker.command_line import table
from sam_tracker.core.prompt import POSITIVE
from sam_tracker.evaluation.commands.options import (
    SubCommands,
    add_network_options,
    add_output_option,
    positive,
    setup,
    show,
)
from sam_tracker.evaluation.corrections import FIRST_PROMPTS, Correction, corrections
from sam_tracker.evaluation.evaluate import loaded_network
from sam_tracker.evaluation.followers.sam import MODES
from sam_tracker.evaluation.readers.generated_clips import FIRST_SEED
from sam_tracker.evaluation.report import write_json
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.video.generated import generate_clip

CHANGED = 0.05
"""Difference of IoU from which on a mask counts as better or worse."""


def add_command(commands: SubCommands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        'corrections',
        help='one correcting click on held-out generated clips',
        description='Prompt one object of each of many held-out generated clips by a box, a click '
        'or a mask that is too large, click once into the middle of the largest error, on the '
        'same frame and on a later one, and print the IoU before and after.',
    )
    add_network_options(parser, ('samurai',))
    parser.add_argument('--clips', type=positive, default=60, help='(%(default)s)')
    parser.add_argument(
        '--later', type=positive, default=8, help='frames to the later click (%(default)s)'
    )
    parser.add_argument('--size', type=positive, default=256, help='of frames (%(default)s)')
    parser.add_argument('--seed', type=int, default=FIRST_SEED, help='of the first clip')
    add_output_option(parser, 'out/evaluation/corrections')
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a table for each mode; write every correction to the output folder."""
    torch.set_num_threads(options.threads)
    compared = setup(options)
    network = loaded_network(compared)
    content = {}
    for mode in options.modes:
        settings = MODES[mode](TrackerSettings.for_network(network.suited_settings))
        found: list[Correction] = []
        for seed in range(options.seed, options.seed + options.clips):
            clip = generate_clip(
                seed, options.later + 1, options.size, 'medium', held_out=True, scenario='plain'
            )
            if clip.visible[0, 0]:
                found += corrections(network, settings, clip.frames, clip.masks == 1)
        content[mode] = [asdict(each) for each in found]
        show(f'{mode}: {options.clips} clips, {options.checkpoint}')
        show(corrections_table(found))
        show()
    write_json(options.output / 'figures.json', content)
    show(f'written to {options.output}')


def corrections_table(found: Sequence[Correction]) -> str:
    """Return the figures of corrections, a row for each kind of prompt, click and frame."""
    rows = []
    for frame in sorted({each.frame for each in found}):
        for kind in FIRST_PROMPTS:
            for label in (1, 0):
                part = [
                    each
                    for each in found
                    if (each.frame, each.first_prompt, each.label) == (frame, kind, label)
                ]
                if part:
                    click = 'positive' if label == POSITIVE else 'negative'
                    rows.append([f'{kind}, {click} click on frame {frame}', *_figures(part)])
    columns = ('clips', 'IoU', 'after', 'better', 'worse', 'refused', 'vanished')
    later = ('last frame', 'after', 'better', 'worse')
    return table(['prompt', *columns, *later], rows)


def _figures(part: Sequence[Correction]) -> list[str]:
    now = np.array([(each.before, each.after) for each in part])
    later = np.array([(each.later_before, each.later_after) for each in part])
    later = later[~np.isnan(later).any(1)]
    return [
        str(len(part)),
        *_change(now),
        str(sum(each.refused for each in part)),
        str(sum(each.vanished for each in part)),
        *(_change(later) if len(later) else [''] * 4),
    ]


def _change(pairs: np.ndarray) -> list[str]:
    """Return the means of pairs [N, 2] and in how many the second is better and worse."""
    difference = pairs[:, 1] - pairs[:, 0]
    return [
        *(f'{value:.3f}' for value in pairs.mean(0)),
        str((difference > CHANGED).sum()),
        str((difference < -CHANGED).sum()),
    ]
