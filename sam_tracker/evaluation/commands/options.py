# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Options and output that the commands share."""

import argparse
from pathlib import Path
import sys
from typing import TypeAlias

from sam_tracker.evaluation.evaluate import STATIC_BOX, Setup, best_opencv_tracker
from sam_tracker.evaluation.followers.sam import MODES
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT

SubCommands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


def add_network_options(parser: argparse.ArgumentParser, modes: tuple[str, ...]) -> None:
    """Add the options for the network: weights, precision and device."""
    parser.add_argument(
        '--checkpoint',
        default=DEFAULT_CHECKPOINT,
        help='name or file of the weights (default: %(default)s)',
    )
    parser.add_argument(
        '--image-size', type=network_size, help="side of the network's input, in pixels"
    )
    parser.add_argument('--device', default='cpu', help='cpu, cuda, cuda:1 ... (default: cpu)')
    parser.add_argument(
        '--precision', default='float32', choices=('float32', 'bfloat16', 'float16')
    )
    parser.add_argument('--threads', type=positive, default=1, help='of torch in each process')
    parser.add_argument(
        '--modes', nargs='*', default=list(modes), choices=list(MODES), metavar='MODE',
        help=f'which of {", ".join(MODES)} (default: {" ".join(modes)})',
    )  # fmt: skip


def add_floors_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that adds the baselines."""
    parser.add_argument(
        '--floors', action='store_true', help="also run OpenCV's best tracker and a static box"
    )


def add_run_options(parser: argparse.ArgumentParser, output: str) -> None:
    """Add the options of commands that run long and write files."""
    add_output_option(parser, output)
    parser.add_argument('--workers', type=positive, default=1, help='processes (%(default)s)')


def add_output_option(parser: argparse.ArgumentParser, output: str) -> None:
    """Add the option for the folder that gets the results."""
    parser.add_argument(
        '--output', type=Path, default=Path(output), help='folder for results (%(default)s)'
    )


def setup(
    options: argparse.Namespace, floors: tuple[str, ...] = (), exclusive: bool | None = None
) -> Setup:
    """Return the followers that the options select, then the baselines; exit if there are none."""
    if not options.modes and not floors:
        raise SystemExit('error: neither a mode nor a floor is asked for')
    return Setup(
        followers=(*options.modes, *floors),
        checkpoint=options.checkpoint,
        image_size=options.image_size,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
        exclusive=exclusive,
    )


def floors() -> tuple[str, ...]:
    """Return the baselines; print a note if OpenCV has no CSRT."""
    tracker = best_opencv_tracker()
    if tracker != 'CSRT':
        tell(f'the installed OpenCV has no CSRT tracker; {tracker} takes its place')
    return tracker, STATIC_BOX


def positive(text: str) -> int:
    """Parse an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def network_size(text: str) -> int:
    """Parse the side of a network's input."""
    try:
        return configuration_named('nano', int(text)).image_size
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def show(text: str = '') -> None:
    """Write a line of results to stdout."""
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def tell(text: str) -> None:
    """Write a line about the run to stderr."""
    sys.stderr.write(text + '\n')
