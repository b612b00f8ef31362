# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What all objects of a tracker remember: which frames, and their tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sam_tracker.networks.api import Memory, MemoryLayout
from sam_tracker.networks.upload import uploaded
from sam_tracker.tracking.memory.api import FrameFacts, RememberedFrame
from sam_tracker.tracking.memory.bank import MemoryBank, MemoryReading
from sam_tracker.tracking.settings import TrackerSettings


class MemoryStore:
    """
    The memories and object pointers of all objects, one row of places for each object.

    Rows are allocated when more objects are tracked at once than ever before, and used again for
    the next object when one is removed. Memories are kept as rows of tokens.
    """

    def __init__(
        self,
        layout: MemoryLayout,
        settings: TrackerSettings,
        device: torch.device,
        memory_type: torch.dtype,
    ) -> None:
        self._empty = MemoryBank.empty(settings, layout)
        # A prompt needs a second row while it is applied to a copy of its object.
        self._most_rows = settings.maximum_objects + 1
        self._places = self._empty.memory_places
        self._pointer_places = self._empty.pointer_places
        self._memories = torch.zeros(
            (0, self._places, layout.tokens, layout.channels),
            dtype=memory_type,
            device=device,
        )
        self._pointers = torch.zeros(
            (0, self._pointer_places, layout.pointer_channels),
            device=device,
        )
        self._banks: dict[int, MemoryBank] = {}
        """Banks by row."""

    @property
    def bytes(self) -> int:
        """Bytes that the memories and pointers take on their device."""
        return self._memories.nbytes + self._pointers.nbytes

    @property
    def compares_candidates(self) -> bool:
        """Whether the rule asks for the shapes of candidate masks."""
        return self._empty.rule.compares_candidates

    def change(self, settings: TrackerSettings) -> None:
        """Use other settings of the same rule from now on; memories are kept."""
        self._empty = self._empty.with_settings(settings)
        self._banks = {row: bank.with_settings(settings) for row, bank in self._banks.items()}

    def add(self) -> int:
        """Return the row of a new object, which remembers nothing."""
        rows = len(self._memories)
        if len(self._banks) == rows:
            added = min(max(rows, 1), max(self._most_rows - rows, 1))
            self._memories = _lengthened(self._memories, added)
            self._pointers = _lengthened(self._pointers, added)
        row = next(row for row in range(len(self._memories)) if row not in self._banks)
        self._banks[row] = self._empty
        return row

    def copy(self, row: int) -> int:
        """Return a new row that remembers the same."""
        copy = self.add()
        self._memories[copy] = self._memories[row]
        self._pointers[copy] = self._pointers[row]
        self._banks[copy] = self._banks[row]
        return copy

    def remove(self, row: int) -> None:
        """Forget an object."""
        del self._banks[row]

    def forget_tracking(self, row: int) -> None:
        """Forget all frames of an object but the conditioning ones."""
        self._banks[row] = self._banks[row].forget_tracking()

    def readings(self, rows: Sequence[int]) -> list[MemoryReading | None]:
        """Return what is read of each object on its next frame; None: it remembers nothing."""
        return [self._banks[row].read() for row in rows]

    def reading_again(self, row: int) -> MemoryReading | None:
        """Return what was read of an object on its newest frame."""
        return self._banks[row].read(correcting=True)

    def gather(self, rows: Sequence[int], readings: Sequence[MemoryReading]) -> Memory:
        """
        Gather the memories of O objects for attention.

        :param rows: of the objects.
        :param readings: what is read of each; all have the same layout.
        """
        count, recent = readings[0].layout
        indices = np.array(
            [
                [row * self._places + place for place in reading.places]
                + reading.positions
                + [row * self._pointer_places + place for place in reading.pointer_places]
                + reading.pointer_distances
                for row, reading in zip(rows, readings, strict=True)
            ],
            dtype=np.int64,
        )
        places, positions, pointers, distances = uploaded(indices, self._memories.device).split(
            [count, count, recent, recent], dim=1
        )
        memories = self._memories.flatten(0, 1).index_select(0, places.reshape(-1))
        return Memory(
            tokens=memories.unflatten(0, places.shape),
            positions=positions,
            pointers=self._pointers.flatten(0, 1)
            .index_select(0, pointers.reshape(-1))
            .unflatten(0, pointers.shape),
            pointer_distances=distances.to(self._pointers.dtype),
        )

    def remember(
        self, rows: Sequence[int], facts: Sequence[FrameFacts], memories: Tensor, pointers: Tensor
    ) -> None:
        """
        Add a tracked frame to O objects.

        :param rows: of the objects.
        :param facts: by which the rule decides how long each keeps the frame.
        :param memories: [O, N, C_mem].
        :param pointers: [O, pointer_channels].
        """
        changes = [self._banks[row].remember(each) for row, each in zip(rows, facts, strict=True)]
        self._write(rows, changes, memories, pointers)

    def condition(self, row: int, memories: Tensor, pointers: Tensor) -> None:
        """Add a prompted frame to one object, O = 1."""
        self._write([row], [self._banks[row].condition()], memories, pointers)

    def condition_at(self, row: int, frame: int, memories: Tensor, pointers: Tensor) -> None:
        """Add a prompted frame before the first or after the newest one of an object, O = 1."""
        self._write([row], [self._banks[row].condition_at(frame)], memories, pointers)

    def skip(self, row: int) -> None:
        """Move one object to its next frame, a conditioning frame that it already has."""
        self._banks[row] = self._banks[row].skip()

    def conditioned(self, row: int) -> tuple[Tensor, Tensor]:
        """Return memory [1, N, C_mem] and pointer [1, pointer_channels] of the newest prompt."""
        newest = self._banks[row].conditioning[-1]
        memory, pointer = self._memories[row, newest.memory], self._pointers[row, newest.pointer]
        return memory[None].clone(), pointer[None].clone()

    def row_state(self, row: int) -> tuple[MemoryBank, Tensor, Tensor]:
        """Return what one object remembers: its bank, memories and pointers; a copy."""
        return self._banks[row], self._memories[row].clone(), self._pointers[row].clone()

    def restore(self, bank: MemoryBank, memories: Tensor, pointers: Tensor) -> int:
        """Return a new row that remembers what ``row_state`` returned."""
        row = self.add()
        self._memories[row] = memories.to(self._memories.device)
        self._pointers[row] = pointers.to(self._pointers.device)
        self._banks[row] = bank
        return row

    def correct(self, row: int, facts: FrameFacts, memories: Tensor, pointers: Tensor) -> None:
        """Replace the newest frame of one object, which was prompted; O = 1."""
        self._write([row], [self._banks[row].correct(facts)], memories, pointers)

    def revise(self, row: int, facts: FrameFacts, memories: Tensor, pointers: Tensor) -> None:
        """Replace the newest frame of one object, which was tracked; O = 1."""
        self._write([row], [self._banks[row].revise(facts)], memories, pointers)

    def _write(
        self,
        rows: Sequence[int],
        changes: Sequence[tuple[MemoryBank, RememberedFrame]],
        memories: Tensor,
        pointers: Tensor,
    ) -> None:
        indices = np.array(
            [
                [row * self._places + frame.memory, row * self._pointer_places + frame.pointer]
                for row, (_, frame) in zip(rows, changes, strict=True)
            ],
            dtype=np.int64,
        )
        index = uploaded(indices, self._memories.device)
        memories, pointers = memories.to(self._memories.dtype), pointers.to(self._pointers.dtype)
        self._memories.flatten(0, 1).index_copy_(0, index[:, 0], memories)
        self._pointers.flatten(0, 1).index_copy_(0, index[:, 1], pointers)
        for row, (bank, _) in zip(rows, changes, strict=True):
            self._banks[row] = bank


def _lengthened(tensor: Tensor, rows: int) -> Tensor:
    return torch.cat((tensor, tensor.new_zeros((rows, *tensor.shape[1:]))))
