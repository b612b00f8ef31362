# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Command lines that are run in the process of the tests."""

from collections.abc import Callable, Sequence

import pytest


def run_command(
    main: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture, *args: object
) -> tuple[int, list[str], list[str]]:
    """Run a command; return its exit code and the lines of its two streams."""
    try:
        code = main([str(argument) for argument in args])
    except SystemExit as ended:
        code = ended.code
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()
