# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command that writes a network as ONNX graphs, and compares them with it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from sam_tracker.command_line import OneLineParser, complain, file_error
from sam_tracker.core.texts import printable
from sam_tracker.networks.exported.manifest import GraphError
from sam_tracker.networks.weights.catalogue import CheckpointError, find_checkpoint, sha256_of

_PROGRAM = 'sam_tracker-export'
_OPSETS = range(18, 24)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 after one line on stderr that says what went wrong."""
    options = _parser().parse_args(args)
    try:
        _export(options)
    except (CheckpointError, GraphError, ValueError) as error:
        return complain(_PROGRAM, str(error))
    except ImportError as error:
        return complain(_PROGRAM, f'needs {error.name}: pip install onnx onnxscript onnxruntime')
    except OSError as error:
        return complain(_PROGRAM, file_error(error, 'output'))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=_PROGRAM,
        description='Write the calls of a network as ONNX graphs of static shapes, and compare '
        'each with the network in onnxruntime. The tracker runs them by its parameter '
        'graphs.folder; docs/export.md describes them.',
    )
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file or name, such as mobile')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='FOLDER', help='made if missing'
    )
    parser.add_argument('--image-size', type=int, metavar='N', help="side of the network's input")
    parser.add_argument(
        '--conditioning', type=int, default=1, metavar='N', choices=range(1, 17),
        help='prompted frames of an object that there are places for (default: 1)',
    )  # fmt: skip
    parser.add_argument(
        '--opset', type=int, default=_OPSETS[0], metavar='N', choices=_OPSETS,
        help=f"of ONNX's operators, {_OPSETS[0]} to {_OPSETS[-1]} (default: {_OPSETS[0]})",
    )  # fmt: skip
    return parser


def _export(options: argparse.Namespace) -> None:
    path = find_checkpoint(options.checkpoint)
    weights = sha256_of(path)
    # They take seconds to import.
    from sam_tracker.networks.exported.export import export
    from sam_tracker.networks.weights.loading import load_network

    network = load_network(options.checkpoint, options.image_size)
    largest = 0.0
    for written in export(network, weights, options.output, options.conditioning, options.opset):
        size = written.path.stat().st_size / 1e6
        _say(f'{written.path}  {size:.1f} MB, differs by {written.difference:.1g}')
        largest = max(largest, written.difference)
    _say(
        f'{network.name} at {network.image_size} px; the largest difference from torch is'
        f' {largest:.1g} of the largest value'
    )


def _say(line: str) -> None:
    sys.stdout.write(f'{printable(line)}\n')
    sys.stdout.flush()
