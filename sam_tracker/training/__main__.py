# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Train or fine-tune a network: `python -m sam_tracker.training --minutes 90 --output runs/nano`.

`docs/fine_tuning.md` shows how weights are adapted to clips of one's own.
"""

import argparse
from pathlib import Path
import signal
import sys

from sam_tracker.networks.registry import network_names
from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.training.batches import REAL_SHARE
from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.processes import train
from sam_tracker.training.settings import FROM_SCRATCH, Settings
from sam_tracker.training.shipping import ship
from sam_tracker.training.trainer import CHECKPOINT


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m sam_tracker.training',
        description='Train a small network, or fine-tune any that tracks, on generated clips and '
        'on real images where there are some; nothing is downloaded.',
    )
    parser.add_argument('--minutes', type=float, required=True, help='of training, in all')
    parser.add_argument('--output', type=Path, required=True, help='folder of the run')
    parser.add_argument(
        '--network',
        default='nano',
        choices=network_names(),
        help='all but nano and mobile need --start (default: %(default)s)',
    )
    parser.add_argument(
        '--resume', action='store_true', help="go on from the run's checkpoint, if any"
    )
    parser.add_argument(
        '--data', type=Path, help='folder of real images to train on, beside generated clips'
    )
    parser.add_argument(
        '--hold-out', nargs='*', default=[], metavar='VIDEO', help='videos of --data to leave out'
    )
    parser.add_argument('--trunk', type=Path, help='a published MobileNetV2 to begin from')
    parser.add_argument(
        '--frozen',
        type=float,
        default=0.0,
        help='share of the run, from its start, without training the trunk',
    )
    parser.add_argument(
        '--real-share',
        type=float,
        default=REAL_SHARE,
        help='share of the clips that are made of --data (default: %(default)s)',
    )
    parser.add_argument(
        '--start',
        metavar='NAME',
        help='weights to fine-tune instead of starting anew: a file, or a name that '
        'sam_tracker-checkpoint lists',
    )
    parser.add_argument('--size', type=int, default=128, help='side of the frames in pixels')
    parser.add_argument(
        '--shipped-size',
        type=int,
        help='side that the weights are to be used at (default: --size)',
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument(
        '--processes',
        type=int,
        default=1,
        help='one for each core of a CPU; two or three on a GPU',
    )
    parser.add_argument('--clips', type=int, help='of 4 frames in a batch; 4 on a CPU, else 64')
    parser.add_argument('--objects', type=int, default=3, help='tracked in each clip')
    parser.add_argument(
        '--frames', type=int, default=16, help='most frames of a clip (default: %(default)s)'
    )
    parser.add_argument(
        '--rate',
        type=float,
        help='peak learning rate; 1e-3 from scratch, 3e-4 to fine-tune nano and mobile, 2e-5 to '
        'fine-tune others',
    )
    parser.add_argument(
        '--final-rate',
        type=float,
        help='learning rate at the end; higher where another stage follows; 2e-5, or 2e-6 for all '
        'but nano and mobile',
    )
    parser.add_argument(
        '--evaluation-clips',
        type=int,
        default=4,
        help='generated clips to evaluate on every 15 minutes (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0)
    return parser


def parse(arguments: list[str] | None = None) -> Settings:
    """Read the command line; exit with code 2 if it is invalid."""
    parser = argument_parser()
    options = parser.parse_args(arguments)
    if options.minutes <= 0:
        parser.error(f'--minutes is {options.minutes}, must be positive')
    if options.frames < 1:
        parser.error(f'--frames is {options.frames}, must be positive')
    if not 0 <= options.real_share <= 1:
        parser.error(f'--real-share is {options.real_share:g}, must be from 0 to 1')
    fresh = options.start is None
    small = options.network in FROM_SCRATCH
    if fresh and not small:
        parser.error(f'--network {options.network} needs --start: it is not trained from scratch')
    rate = 1e-3 if fresh else 3e-4 if small else 2e-5
    return Settings(
        output=options.output,
        minutes=options.minutes,
        network=options.network,
        image_size=options.size,
        shipped_size=options.shipped_size,
        processes=options.processes,
        device=options.device,
        clips=options.clips or (4 if options.device == 'cpu' else 64),
        objects=options.objects,
        seed=options.seed,
        resume=options.resume,
        start=options.start,
        real_share=options.real_share,
        evaluation_clips=options.evaluation_clips,
        data=options.data,
        held_out_videos=tuple(options.hold_out),
        trunk=options.trunk,
        frozen_share=options.frozen,
        curriculum=Curriculum(
            learning_rate=options.rate or rate,
            final_learning_rate=options.final_rate or (2e-5 if small else 2e-6),
            longest=options.frames,
            fresh=fresh,
        ),
    )


def main() -> None:
    """Train, then write the weights beside the checkpoint."""
    settings = parse()
    # Exit normally, so that the processes of the run end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        train(settings)
    except (OSError, ValueError, CheckpointError) as error:
        sys.exit(f'error: {error}')
    ship(
        settings.output / CHECKPOINT,
        settings.output / f'{settings.network}.pt',
        settings.shipped_size,
    )


if __name__ == '__main__':
    main()
