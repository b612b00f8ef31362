# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prints in one line why the set-up would fail on this machine, if it would."""

import importlib.util
from pathlib import Path
import platform
import shutil
import sys
import sysconfig


def first_problem() -> str:
    """Return what is missing and how to get it, or an empty string."""
    running = '.'.join(map(str, sys.version_info[:2]))
    if not (3, 10) <= sys.version_info[:2] <= (3, 14):
        return (
            f'{sys.executable} is Python {running}; the ROS 2 wheels and torch are pinned for '
            '3.10 to 3.14: make PYTHON=python3.12 ...'
        )
    if platform.system() != 'Linux' or platform.machine() != 'x86_64':
        return (
            f'this is {platform.system()} on {platform.machine()}; the ROS 2 wheels are for Linux '
            'on x86-64: with a ROS 2 installation, use colcon build instead'
        )
    if shutil.which('c++') is None:
        return 'no C++ compiler (c++) on PATH: apt install g++'
    if not (Path(sysconfig.get_path('include')) / 'Python.h').is_file():
        return f'no Python.h for Python {running}: apt install python{running}-dev'
    if importlib.util.find_spec('ensurepip') is None:
        return f'no ensurepip for Python {running}: apt install python{running}-venv'
    return ''


if __name__ == '__main__':
    sys.exit(f'set-up: {problem}' if (problem := first_problem()) else 0)
