# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Runs several followers on all sequences of a data set, in one or more processes."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
import multiprocessing

import torch
from tqdm import tqdm

from sam_tracker.evaluation.followers.follower import Follower
from sam_tracker.evaluation.followers.opencv import OpenCvTracker, algorithms
from sam_tracker.evaluation.followers.sam import MODES, in_mode
from sam_tracker.evaluation.followers.static_box import StaticBox
from sam_tracker.evaluation.run import SequenceResult, run
from sam_tracker.evaluation.sequence import Dataset
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.loading import load_network

STATIC_BOX = 'static box'
Results = dict[str, list[SequenceResult]]
"""Follower -> the results of its sequences, in the order of the data set."""


@dataclass(frozen=True)
class Setup:
    """Which followers to evaluate, and with what network."""

    followers: tuple[str, ...]
    """Names of MODES, of OpenCV's trackers, or STATIC_BOX."""
    checkpoint: str
    """Name or file, as for ``find_checkpoint``."""
    image_size: int | None = None
    """Side of the network's input; None: the network's own."""
    device: str = 'cpu'
    precision: str = 'float32'
    """Name, as for ``choose_runtime``."""
    exclusive: bool | None = None
    """Whether no two objects may share a pixel; None: as each mode has it."""
    threads: int = 1
    """Threads of torch in each process; a small network gains nothing from more."""


def evaluate(
    open_dataset: Callable[[], Dataset],
    setup: Setup,
    workers: int = 1,
    limit: int | None = None,
) -> Results:
    """
    Run every follower on every sequence, with a progress bar on stderr.

    :param open_dataset: can be pickled when there are several workers; called in each.
    :param workers: processes.
    :param limit: number of sequences to take, from the first; None: all.

    :raises DatasetError: the data set is broken; errors of checkpoint and followers pass through.
    """
    dataset = open_dataset()
    names = list(dataset.sequence_names)[:limit]
    results: dict[str, dict[str, SequenceResult]] = {}
    with tqdm(total=len(names), desc=dataset.name, unit='sequence', disable=None) as progress:
        if workers == 1:
            for name in names:
                results[name] = _follow_all(open_dataset, name, setup)
                progress.update()
        else:
            # A forked process would share the state of torch's threads.
            context = multiprocessing.get_context('spawn')
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                jobs = {
                    pool.submit(_follow_all, open_dataset, name, setup): name for name in names
                }
                try:
                    for job in as_completed(jobs):
                        results[jobs[job]] = job.result()
                        progress.update()
                finally:
                    pool.shutdown(cancel_futures=True)
    return {follower: [results[name][follower] for name in names] for follower in setup.followers}


def best_opencv_tracker() -> str:
    """Return the name of the best tracker that the installed OpenCV has."""
    return next(iter(algorithms()))


def _follow_all(
    open_dataset: Callable[[], Dataset], name: str, setup: Setup
) -> dict[str, SequenceResult]:
    torch.set_num_threads(setup.threads)
    sequence = open_dataset().open_sequence(name)
    return {
        follower: run(make_follower(follower, setup), sequence) for follower in setup.followers
    }


def make_follower(name: str, setup: Setup) -> Follower:
    """Return the follower with a name from ``Setup.followers``."""
    if name == STATIC_BOX:
        return StaticBox()
    if name in MODES:
        runtime = choose_runtime(setup.device, setup.precision)
        return in_mode(name, loaded_network(setup), setup.exclusive, runtime)
    return OpenCvTracker(name)


def loaded_network(setup: Setup) -> VideoNetwork:
    """
    Return the network that a setup names, loaded and placed once.

    :raises CheckpointError: the weights are not there or do not fit.
    """
    return _network(setup.checkpoint, setup.image_size, setup.device, setup.precision)


@lru_cache(maxsize=1)  # each process loads it once, for all its sequences
def _network(checkpoint: str, image_size: int | None, device: str, precision: str) -> VideoNetwork:
    return choose_runtime(device, precision).place(load_network(checkpoint, image_size))
