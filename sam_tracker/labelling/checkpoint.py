# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The state of an unfinished sweep in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sam_tracker.labelling.offline_tracker import StretchState
from sam_tracker.labelling.own_pickles import PickleError, read_pickle, write_pickle


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
    write_pickle(path, replace(checkpoint, lengths=dict(checkpoint.lengths), states=states))


def read_checkpoint(path: Path) -> Checkpoint:
    """
    Read a checkpoint.

    :raises CheckpointFileError: there is none, it is damaged, or it holds anything else.
    """
    try:
        checkpoint = read_pickle(path)
    except PickleError as error:
        raise CheckpointFileError(str(error)) from error
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
