# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of a training run: one for each core of a CPU, or a few that share one GPU."""

from dataclasses import asdict
import json
import os

import cv2
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from sam_tracker.training.settings import Settings
from sam_tracker.training.trainer import LOG, Trainer


def _run_process(rank: int, settings: Settings) -> None:
    on_cpu = settings.device == 'cpu'
    if on_cpu:
        # On small tensors two processes of one thread are faster than two threads of one.
        torch.set_num_threads(1)
    else:
        torch.set_float32_matmul_precision('high')
        # cuDNN's benchmark stays off: for these shapes it takes half a minute each.
    cv2.setNumThreads(1)
    if settings.processes > 1:
        os.environ.setdefault('GLOO_SOCKET_IFNAME', 'lo')
        distributed.init_process_group(
            'gloo',
            init_method=f'file://{(settings.output / "rendezvous").resolve()}',
            rank=rank,
            world_size=settings.processes,
        )
    Trainer(settings, rank).run()
    if settings.processes > 1:
        distributed.barrier()
        distributed.destroy_process_group()


def train(settings: Settings) -> None:
    """
    Run or resume a training run; checkpoint and log are written to `settings.output`.

    A small network keeps no GPU busy from one process, which needs longer to issue a step's
    kernels than they take to run: two or three that share it take more steps in a minute.

    :raises ValueError: `settings` contradict the checkpoint that is resumed.
    """
    settings.output.mkdir(parents=True, exist_ok=True)
    (settings.output / 'rendezvous').unlink(missing_ok=True)
    if not settings.resume:
        (settings.output / LOG).unlink(missing_ok=True)
    with (settings.output / LOG).open('a') as file:
        described = {name: str(value) for name, value in asdict(settings).items()}
        file.write(json.dumps({'settings': described, 'torch': torch.__version__}) + '\n')
    if settings.processes == 1:
        _run_process(0, settings)
    else:
        context = spawn(_run_process, args=(settings,), nprocs=settings.processes, join=False)
        try:
            while not context.join():
                pass
        finally:
            for process in context.processes:
                process.terminate()
