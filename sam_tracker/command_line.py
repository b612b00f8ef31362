# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What commands share: complaints of one line, and numbers that are numbers."""

import argparse
import math
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Complains in one line, and ends the program with code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f'{self.prog}: {message}; see {self.prog} --help\n')


def number(text: str) -> float:
    """Return a finite number; for ``argparse``."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f'{text!r} is not finite')
    return value


def positive_number(text: str) -> float:
    """Return a finite number above 0; for ``argparse``."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f'{text!r} is not positive')
    return value
