# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Where a training process gets its batches: from itself, or from workers that feed a GPU."""

from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
import os
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from sam_tracker.training.batches import Batch, training_batch
from sam_tracker.training.settings import Settings

if TYPE_CHECKING:
    SharedFloat = Synchronized[float]


class EndlessBatches(IterableDataset[Batch]):
    """
    Batches of one worker that feeds a GPU.

    The run's progress, from 0 to 1, reaches it through shared memory.
    """

    def __init__(self, settings: Settings, seeds: list[int], progress: 'SharedFloat') -> None:
        self._settings = settings
        self._seeds = seeds
        self._progress = progress

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        rng = np.random.default_rng([*self._seeds, worker.id if worker else 0])
        while True:
            share = self._progress.value
            frames = self._settings.curriculum.clip_length(rng, share)
            yield _draw(self._settings, rng, share, frames)


def _draw(settings: Settings, rng: np.random.Generator, share: float, frames: int) -> Batch:
    return training_batch(
        rng,
        settings.curriculum,
        share,
        frames=frames,
        clips=settings.curriculum.clips(settings.clips, frames),
        objects=settings.objects,
        size=settings.image_size,
        footage=settings.footage,
        real_share=settings.real_share,
        # A GPU is slow on every shape that it has not seen before; a CPU on every object.
        filled=torch.device(settings.device).type == 'cuda',
    )


class BatchSource:
    """
    Draws batches in the calling process on a CPU, in workers when a GPU is to be kept busy.

    Workers choose the clips' lengths themselves, since they draw ahead.
    """

    def __init__(self, settings: Settings, seeds: list[int], device: torch.device) -> None:
        self._settings = settings
        self._device = device
        self._rng = np.random.default_rng([*seeds, 1])
        self._batches: Iterator[Batch] | None = None
        if device.type == 'cuda':
            context = torch.multiprocessing.get_context('spawn')
            self._progress: SharedFloat = context.Value('d', 0.0)
            loader = DataLoader(
                EndlessBatches(settings, [*seeds, 2], self._progress),
                batch_size=None,
                num_workers=max(1, (os.cpu_count() or 2) - 1),
                prefetch_factor=2,
                multiprocessing_context=context,
            )
            self._batches = iter(loader)

    def batch(self, share: float, frames: int) -> Batch:
        """Return a batch for this point of the run; `frames` binds on a CPU."""
        if self._batches is None:
            return _draw(self._settings, self._rng, share, frames)
        self._progress.value = share
        return next(self._batches).to(self._device)
