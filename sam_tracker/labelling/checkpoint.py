# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The state of an unfinished sweep in a file: a pickle of values of the tracker, and of nothing else.

An output folder may come from another machine, and a pickle may name any function to be called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
import io
import os
from pathlib import Path
import pickle
from typing import Any

import torch

from sam_tracker.labelling.offline_tracker import StretchState

_PACKAGES = ('sam_tracker.core.', 'sam_tracker.tracking.')
"""No constructor of a class in their modules touches files, processes or the network."""
_MODULES = {
    'sam_tracker.labelling.checkpoint',
    'sam_tracker.labelling.offline_tracker',
    'sam_tracker.labelling.stretch',
    'sam_tracker.networks.api',
}
_OF_ARRAYS = {
    ('numpy', 'dtype'),
    ('numpy', 'ndarray'),
    # The first name is that of NumPy 2, the second that of NumPy 1.
    *((f'numpy.{core}.multiarray', '_reconstruct') for core in ('_core', 'core')),
    *((f'numpy.{core}.multiarray', 'scalar') for core in ('_core', 'core')),
    *((f'numpy.{core}.numeric', '_frombuffer') for core in ('_core', 'core')),
}


class CheckpointFileError(Exception):
    """A checkpoint that cannot be used; the work since the last finished stretch is repeated."""


@dataclass(frozen=True)
class Checkpoint:
    """An unfinished sweep, after one of its frames."""

    sweep: str
    """Digest of the stretches of the sweep."""
    done: int
    """Frames of the sweep that are done."""
    lengths: Mapping[str, int]
    """Bytes of each unfinished stretch, by key."""
    states: tuple[StretchState, ...]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """
    Write a checkpoint in place of the one before, all or nothing.

    :raises OSError: it cannot be written.
    """
    states = tuple(_as_arrays(state) for state in checkpoint.states)
    value = replace(checkpoint, lengths=dict(checkpoint.lengths), states=states)
    data = pickle.dumps(value)
    part = path.with_suffix('.part')
    with part.open('wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """
    Read a checkpoint.

    :raises CheckpointFileError: there is none, it is damaged, or it holds anything else.
    """
    try:
        checkpoint = _Unpickler(io.BytesIO(path.read_bytes())).load()
    except Exception as error:
        # What a damaged pickle raises depends on where the damage is.
        raise CheckpointFileError(f'{str(path)!r}: {error}') from error
    if not isinstance(checkpoint, Checkpoint):
        raise CheckpointFileError(f'{str(path)!r} is no checkpoint')
    return replace(checkpoint, states=tuple(_as_tensors(state) for state in checkpoint.states))


def _as_arrays(state: StretchState) -> StretchState:
    # NumPy has no bfloat16; float32 holds every value of the narrower types.
    arrays: dict[str, Any] = {
        'memories': state.memories.float().numpy(),
        'pointers': state.pointers.numpy(),
    }
    return replace(state, **arrays)


def _as_tensors(state: StretchState) -> StretchState:
    memories: Any = state.memories
    pointers: Any = state.pointers
    return replace(
        state,
        memories=torch.from_numpy(memories),
        pointers=torch.from_numpy(pointers),
    )


class _Unpickler(pickle.Unpickler):
    """Reads arrays and values of the tracker."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in _OF_ARRAYS:
            return super().find_class(module, name)
        # A dotted name leads through what a module imports to the classes of others.
        if '.' not in name and (module in _MODULES or module.startswith(_PACKAGES)):
            found: object = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f'{module}.{name} is no value of a checkpoint')
