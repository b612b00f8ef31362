# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads and writes pickles of arrays and of this package's own values, and refuses others.

An output folder may come from another machine.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
import pickle

_NUMPY_NAMES = {'_reconstruct', 'ndarray', 'dtype', 'scalar', '_frombuffer'}


class PickleError(Exception):
    """A file that is missing, damaged, or holds anything else."""


def write_pickle(path: Path, value: object) -> None:
    """
    Replace the file by one of this value, all or nothing.

    :raises OSError: it cannot be written.
    """
    data = pickle.dumps(value)
    part = path.with_suffix('.part')
    with part.open('wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_pickle(path: Path) -> object:
    """
    Read a file of ``write_pickle``.

    :raises PickleError: there is no such file, it is damaged, or it holds anything else.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes())).load()
    except Exception as error:
        # What a damaged pickle raises depends on where the damage is.
        raise PickleError(f'{str(path)!r}: {error}') from error


class _Unpickler(pickle.Unpickler):
    """Reads values of this package's classes and arrays."""

    def find_class(self, module: str, name: str) -> object:
        found = None
        if module.startswith('sam_tracker.'):
            found = super().find_class(module, name)
        elif module.split('.')[0] == 'numpy' and name in _NUMPY_NAMES:
            return super().find_class(module, name)
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f'{module}.{name} is no value of this package')
        return found
