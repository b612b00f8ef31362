# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the batches of a training process: in the process itself, or in workers for a GPU."""

from collections.abc import Iterator
from itertools import count
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

    :param first_step: of the run; each worker draws the batches of every n-th step from there.
    """

    def __init__(
        self, settings: Settings, seeds: list[int], first_step: int, progress: 'SharedFloat'
    ) -> None:
        self._settings = settings
        self._seeds = seeds
        self._first_step = first_step
        self._progress = progress

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        rng = np.random.default_rng([*self._seeds, number])
        for step in count(self._first_step + number, workers):
            share = self._progress.value
            yield _draw(self._settings, rng, share, clip_length(self._settings, step, share))


def clip_length(settings: Settings, step: int, share: float) -> int:
    """
    Return the number of frames of a step's clips.

    All processes draw the same, so that hardly any waits for another's longer clips.
    """
    return settings.curriculum.clip_length(np.random.default_rng([settings.seed, step]), share)


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
    Draws batches in the calling process on a CPU, in workers for a GPU.

    :param first_step: the step of the first batch that will be asked for; workers draw ahead.
    """

    def __init__(
        self, settings: Settings, seeds: list[int], first_step: int, device: torch.device
    ) -> None:
        self._settings = settings
        self._device = device
        self._rng = np.random.default_rng([*seeds, 1])
        self._batches: Iterator[Batch] | None = None
        if device.type == 'cuda':
            context = torch.multiprocessing.get_context('spawn')
            self._progress: SharedFloat = context.Value('d', 0.0)
            loader = DataLoader(
                EndlessBatches(settings, [*seeds, 2], first_step, self._progress),
                batch_size=None,
                num_workers=max(1, (os.cpu_count() or 2) // settings.processes - 1),
                prefetch_factor=2,
                multiprocessing_context=context,
            )
            self._batches = iter(loader)

    def batch(self, step: int, share: float) -> Batch:
        """Return the batch of a step, for this point of the run; steps come one after another."""
        if self._batches is None:
            frames = clip_length(self._settings, step, share)
            return _draw(self._settings, self._rng, share, frames)
        self._progress.value = share
        return next(self._batches).to(self._device)
