# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tensors that objects remember, allocated once for each object and re-used for ever."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sam_tracker.networks.api import Memory, MemoryLayout
from sam_tracker.tracking.memory.bank import (
    Places,
    Recollection,
    memory_places,
    pointer_places,
)
from sam_tracker.tracking.settings import TrackerSettings


class MemoryStore:
    """
    Memories and pointers of all objects of a tracker, one row for each object.

    A row has as many places as a ``MemoryBank`` can hold at once. There are never more rows than
    objects were followed at once; a row that is released serves the next object. Memories are
    kept in bfloat16, as SAM 2 keeps them, as rows of tokens.
    """

    def __init__(
        self,
        layout: MemoryLayout,
        settings: TrackerSettings,
        device: torch.device,
    ) -> None:
        self._places = memory_places(settings, layout)
        self._pointer_places = pointer_places(settings, layout)
        self._memories = torch.zeros(
            (0, self._places, layout.tokens, layout.channels),
            dtype=torch.bfloat16,
            device=device,
        )
        self._pointers = torch.zeros(
            (0, self._pointer_places, layout.pointer_channels),
            device=device,
        )
        self._free: list[int] = []

    @property
    def bytes(self) -> int:
        """Bytes that the memories and pointers take on their device."""
        return self._memories.nbytes + self._pointers.nbytes

    def take_row(self) -> int:
        """Return a row for a new object; what lies in it is old."""
        if not self._free:
            rows = len(self._memories)
            added = max(rows, 1)
            self._memories = _lengthened(self._memories, added)
            self._pointers = _lengthened(self._pointers, added)
            self._free = list(range(rows + added - 1, rows - 1, -1))
        return self._free.pop()

    def copy_row(self, row: int) -> int:
        """Return a new row that holds the same as another."""
        copy = self.take_row()
        self._memories[copy] = self._memories[row]
        self._pointers[copy] = self._pointers[row]
        return copy

    def release_row(self, row: int) -> None:
        self._free.append(row)

    def read(self, rows: Sequence[int], recollections: Sequence[Recollection]) -> Memory:
        """
        Gather what O objects of equal layout remember, in one go.

        :param rows: O rows, :param recollections: what to read in each.
        """
        count, recent = recollections[0].layout
        books = np.array(
            [
                [row * self._places + place for place in recollection.places]
                + recollection.positions
                + [row * self._pointer_places + place for place in recollection.pointer_places]
                + recollection.pointer_distances
                for row, recollection in zip(rows, recollections, strict=True)
            ],
            dtype=np.int64,
        )
        places, positions, pointers, distances = uploaded(books, self._memories.device).split(
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

    def write(
        self, rows: Sequence[int], places: Sequence[Places], memories: Tensor, pointers: Tensor
    ) -> None:
        """
        Put away what a frame showed of O objects.

        :param rows: O rows, :param places: where in each of them.
        :param memories: [O, N, C_mem], :param pointers: [O, pointer_channels].
        """
        books = np.array(
            [
                [row * self._places + place.memory, row * self._pointer_places + place.pointer]
                for row, place in zip(rows, places, strict=True)
            ],
            dtype=np.int64,
        )
        index = uploaded(books, self._memories.device)
        self._memories.flatten(0, 1).index_copy_(0, index[:, 0], memories.to(self._memories.dtype))
        self._pointers.flatten(0, 1).index_copy_(0, index[:, 1], pointers.to(self._pointers.dtype))


def uploaded(values: np.ndarray, device: torch.device) -> Tensor:
    """Bring a host array to the device without waiting for what the device still has to do."""
    tensor = torch.from_numpy(values)
    if device.type == 'cuda':
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _lengthened(tensor: Tensor, rows: int) -> Tensor:
    return torch.cat((tensor, tensor.new_zeros((rows, *tensor.shape[1:]))))
