# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Shared by the commands: one-line errors, numeric types, common options, and tables."""

import argparse
from collections.abc import Collection, Sequence
import math
from pathlib import Path
import sys
from typing import NoReturn

from sam_tracker.core.texts import printable


class OneLineParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that reports an error in one line and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(complain(self.prog, f'{message}; see {self.prog} --help', 2))


def complain(program: str, problem: str, status: int = 1) -> int:
    """Write a problem to stderr, in one line, and return the exit code."""
    sys.stderr.write(f'{program}: {printable(problem)}\n')
    return status


def file_error(error: OSError, name: object) -> str:
    """
    Return what an error of a file says, with the name of the file.

    :param name: where the error names none; one that Python code raised has no text either.
    """
    return f'{error.filename or name}: {error.strerror or error}'


def number(text: str) -> float:
    """
    Parse a finite number; a type for ``argparse``.

    :raises ValueError: the text is not a number.
    :raises argparse.ArgumentTypeError: the number is not finite.
    """
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f'{text!r} is not finite')
    return value


def positive_number(text: str) -> float:
    """
    Parse a finite number above 0; a type for ``argparse``.

    :raises ValueError: the text is not a number.
    :raises argparse.ArgumentTypeError: the number is not finite or not positive.
    """
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f'{text!r} is not positive')
    return value


def add_prompt_options(parser: argparse.ArgumentParser, image: str) -> argparse._ArgumentGroup:
    """
    Add ``--box``, ``--point``, ``--negative-point`` and ``--mask``.

    :param image: for the help: the image whose size the mask must have.
    :returns: the group, so that a command can add further options of a prompt.
    """
    group = parser.add_argument_group('prompt (options may be combined)')
    group.add_argument('--box', nargs=4, type=number, metavar=('X', 'Y', 'W', 'H'))
    for option, where in (('--point', 'on'), ('--negative-point', 'beside')):
        group.add_argument(
            option,
            nargs=2,
            type=number,
            action='append',
            default=[],
            metavar=('X', 'Y'),
            help=f'a point {where} the object; may be repeated',
        )
    group.add_argument(
        '--mask',
        type=Path,
        metavar='FILE',
        help=f'an image as large as {image}; every pixel that is not black is the object',
    )
    return group


def add_text_options(parser: argparse.ArgumentParser, text: str, model: str) -> None:
    """
    Add ``--text``, ``--text-model`` and ``--text-threshold``.

    :param text: help of ``--text``.
    :param model: for the help: the models that the command takes.
    """
    group = parser.add_argument_group('text')
    group.add_argument('--text', help=text)
    group.add_argument(
        '--text-model',
        type=Path,
        metavar='FOLDER',
        help=f'a model of the transformers library on this machine: {model}',
    )
    group.add_argument(
        '--text-threshold',
        type=number,
        default=0.2,
        metavar='P',
        help='minimum score (default: %(default)s)',
    )


def add_network_options(
    parser: argparse.ArgumentParser, checkpoint: str
) -> argparse._ArgumentGroup:
    """
    Add ``--checkpoint`` and ``--device``.

    :param checkpoint: the default, which is bundled.
    :returns: the group, so that a command can add further options of the network.
    """
    group = parser.add_argument_group('network')
    group.add_argument(
        '--checkpoint',
        default=checkpoint,
        metavar='NAME',
        help='a file, or a name that sam_tracker-checkpoint lists (default: %(default)s, bundled)',
    )
    group.add_argument(
        '--device', default='auto', help='auto, cpu, cuda, cuda:1 (default: %(default)s)'
    )
    return group


def has_prompt(options: argparse.Namespace) -> bool:
    return bool(options.box or options.point or options.negative_point or options.mask)


def box_corners(
    parser: argparse.ArgumentParser, options: argparse.Namespace
) -> tuple[float, float, float, float] | None:
    """Return x_min, y_min, x_max, y_max of ``--box``; exit with code 2 if the box is empty."""
    if not options.box:
        return None
    x, y, width, height = options.box
    if min(width, height) <= 0:
        parser.error(f'--box: width and height must be positive, not {options.box[2:]}')
    return x, y, x + width, y + height


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (0,)
) -> str:
    """
    Format rows of text under a header, without a line feed at the end.

    Control characters are escaped.

    :param left: columns, counted from 0, that are aligned left; the others are aligned right.
    """
    lines = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
