# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The state of an unfinished sweep in a file.

It is a pickle of arrays and of this package's own values, and nothing else is read from one:
an output folder may come from another machine.
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

_NUMPY_NAMES = {'_reconstruct', 'ndarray', 'dtype', 'scalar', '_frombuffer'}


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
    """Write a checkpoint in place of the one before, all or nothing."""
    states = tuple(_as_arrays(state) for state in checkpoint.states)
    data = pickle.dumps(replace(checkpoint, lengths=dict(checkpoint.lengths), states=states))
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
    """Reads values of this package's classes and arrays."""

    def find_class(self, module: str, name: str) -> object:
        found = None
        if module.startswith('sam_tracker.'):
            found = super().find_class(module, name)
        elif module.split('.')[0] == 'numpy' and name in _NUMPY_NAMES:
            return super().find_class(module, name)
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f'{module}.{name} does not belong into a checkpoint')
        return found
