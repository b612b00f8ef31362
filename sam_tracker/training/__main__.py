# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Train the nano network: `python -m sam_tracker.training --minutes 90 --output runs/nano`."""

import argparse
from pathlib import Path
import signal
import sys

from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.shipping import ship
from sam_tracker.training.trainer import CHECKPOINT, Settings, train


def parse(arguments: list[str] | None = None) -> Settings:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m sam_tracker.training',
        description='Train a small network on generated clips, and on real images where there are '
        'some; nothing is downloaded.',
    )
    parser.add_argument('--minutes', type=float, required=True, help='of training, in all')
    parser.add_argument('--output', type=Path, required=True, help='folder of the run')
    parser.add_argument(
        '--network', default='nano', choices=('nano', 'mobile'), help='default: %(default)s'
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
        '--frozen', type=float, default=0.0, help='share of the run in which the trunk stays so'
    )
    parser.add_argument('--start', type=Path, help='weights to fine-tune instead of starting anew')
    parser.add_argument('--size', type=int, default=128, help='side of the frames in pixels')
    parser.add_argument(
        '--shipped-size', type=int, help='side that the weights are to be used at; --size'
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--processes', type=int, default=1, help='on a CPU: one for each core')
    parser.add_argument('--clips', type=int, help='of 4 frames in a batch; 4 on a CPU, else 64')
    parser.add_argument('--objects', type=int, default=3, help='followed in each clip')
    parser.add_argument(
        '--rate', type=float, help='peak learning rate; 1e-3, or 3e-4 to fine-tune'
    )
    parser.add_argument(
        '--final-rate',
        type=float,
        default=2e-5,
        help='learning rate at the end; higher where another stage follows',
    )
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    if options.minutes <= 0:
        parser.error(f'--minutes is {options.minutes}, must be positive')
    fresh = options.start is None
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
        data=options.data,
        held_out_videos=tuple(options.hold_out),
        trunk=options.trunk,
        frozen_share=options.frozen,
        curriculum=Curriculum(
            learning_rate=options.rate or (1e-3 if fresh else 3e-4),
            final_learning_rate=options.final_rate,
            fresh=fresh,
        ),
    )


def main() -> None:
    """Train, then write the weights beside the checkpoint."""
    settings = parse()
    # A leave like any other, so that the processes of the run end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        train(settings)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    ship(
        settings.output / CHECKPOINT,
        settings.output / f'{settings.network}.pt',
        settings.shipped_size,
    )


if __name__ == '__main__':
    main()
