# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of trackers; ``python -m sam_tracker.evaluation --help``."""

import argparse
from collections.abc import Sequence
import sys

from sam_tracker.evaluation.commands import benchmark, clips, corrections, generated, real
from sam_tracker.evaluation.sequence import DatasetError
from sam_tracker.networks.weights.catalogue import CheckpointError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands and return its exit status: 0, or 1 with a line on stderr."""
    parser = argparse.ArgumentParser(prog='sam_tracker.evaluation', description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    clips.add_command(commands)
    generated.add_command(commands)
    corrections.add_command(commands)
    real.add_command(commands)
    benchmark.add_commands(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (DatasetError, CheckpointError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
