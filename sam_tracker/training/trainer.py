# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One process of a training run, with its checkpoints and its log."""

from dataclasses import replace
import json
import os
import time
from typing import Any

import numpy as np
import torch
from torch import distributed, nn
from tqdm import tqdm

from sam_tracker.networks.mobile.mobilenet_v2 import MobileNetV2, folded
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.sam2.network import Sam2MemoryNetwork
from sam_tracker.networks.sam2.video_network import SamVideoNetwork
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.training.averaging import MovingAverage, average_parameters
from sam_tracker.training.batches import Batch, training_batch
from sam_tracker.training.choices import Choices, draw_choices
from sam_tracker.training.held_out import held_out_scores
from sam_tracker.training.initialisation import initialise, mask_share_of_memory
from sam_tracker.training.loading import BatchSource
from sam_tracker.training.objective import Loss, loss_of, scores
from sam_tracker.training.rollout import Rollout, roll_out
from sam_tracker.training.settings import FROM_SCRATCH, Settings

CHECKPOINT = 'checkpoint.pt'
LOG = 'log.jsonl'

EXCHANGE_STEPS = 8
"""
Steps that each process takes by itself before their parameters are averaged (arXiv 1805.09767).

Exchanging gradients at every step would make each wait for the slowest, and on a shared machine
that is a different one every time.
"""


class _Progress:
    """The share of the run that is done, by the clock and across interruptions."""

    def __init__(self, minutes: float, spent: float = 0.0) -> None:
        self._seconds = 60 * minutes
        self._start = time.monotonic() - spent

    @property
    def spent(self) -> float:
        return time.monotonic() - self._start

    @property
    def share(self) -> float:
        return self.spent / self._seconds


class Trainer:
    """One process of a run; rank 0 keeps the log and the checkpoints."""

    def __init__(self, settings: Settings, rank: int) -> None:
        self._settings = settings
        self._rank = rank
        self._device = torch.device(settings.device)
        torch.manual_seed(settings.seed)
        self._network = trainable_network(settings.network, settings.image_size).train()
        _keep_statistics(self._network)
        self._step = 0
        self._frames = 0
        spent = 0.0
        saved = self._saved() if settings.resume else None
        if saved is None:
            self._begin()
        self._network.to(self._device)
        self._average = MovingAverage(self._network, settings.average_decay)
        self._optimiser = torch.optim.AdamW(
            self._parameter_groups(), lr=0.0, betas=(0.9, 0.98), fused=True
        )
        if saved is not None:
            self._network.load_state_dict(saved['network'])
            self._average.load_state_dict(saved['average'], saved['step'])
            self._optimiser.load_state_dict(saved['optimiser'])
            self._step, self._frames, spent = saved['step'], saved['frames'], saved['seconds']
        # Every process draws its own clips; a resumed run draws others than the run before.
        seeds = [settings.seed, rank, self._step]
        self._rng = np.random.default_rng(seeds)
        self._generator = torch.Generator().manual_seed(int(self._rng.integers(2**62)))
        self._source = BatchSource(settings, seeds, self._step, self._device)
        self._progress = _Progress(settings.minutes, spent)
        self._sums: dict[str, list[float]] = {}
        self._log_file = settings.output / LOG

    # -- setting up ----------------------------------------------------------------------------

    def _saved(self) -> dict[str, Any] | None:
        """Return the checkpoint to resume; None where there is none yet."""
        file = self._settings.output / CHECKPOINT
        if not file.exists():
            return None
        saved: dict[str, Any] = torch.load(file, map_location='cpu', weights_only=True)
        size = saved['image_size']
        if size != self._settings.image_size:
            raise ValueError(
                f'{file} was trained at {size} pixels, not {self._settings.image_size}: '
                'start a new run from its weights instead'
            )
        return saved

    def _begin(self) -> None:
        start, wanted = self._settings.start, self._settings.network
        if start is not None:
            loaded = load_network(start)
            if loaded.name != wanted:
                raise ValueError(f'{os.fspath(start)} holds {loaded.name}, not {wanted}')
            assert isinstance(loaded, nn.Module)
            self._network.load_state_dict(loaded.state_dict())
            return
        if wanted not in FROM_SCRATCH:
            raise ValueError(
                f'{wanted} is not trained from scratch: give the weights to start from'
            )
        if self._settings.trunk is not None:
            published = torch.load(self._settings.trunk, map_location='cpu', weights_only=True)
            trunk = self._network.image_encoder.trunk
            if not isinstance(trunk, MobileNetV2):
                raise ValueError(f'{self._settings.network} has no trunk to begin from')
            trunk.load_state_dict(folded(published))
        rng = np.random.default_rng(self._settings.seed)
        size = self._settings.image_size
        batch = training_batch(
            rng, self._settings.curriculum, 0.0, frames=1, clips=8, objects=1, size=size
        )
        assert isinstance(self._network, Sam2MemoryNetwork)
        initialise(self._network, network_input(batch.images[0], size))

    def _parameter_groups(self) -> list[dict[str, Any]]:
        decayed: list[nn.Parameter] = []
        plain: list[nn.Parameter] = []
        trunk: list[nn.Parameter] = []
        for name, parameter in self._network.named_parameters():
            embedding = parameter.ndim < 2 or 'embed' in name or 'token' in name
            if name.startswith('image_encoder.trunk.'):
                trunk.append(parameter)
            else:
                (plain if embedding else decayed).append(parameter)
        return [
            {'params': decayed, 'weight_decay': 0.02, 'share': 1.0},
            {'params': plain, 'weight_decay': 0.0, 'share': 1.0},
            {'params': trunk, 'weight_decay': 0.0, 'share': self._settings.trunk_rate},
        ]

    # -- running -------------------------------------------------------------------------------

    def run(self) -> None:
        """Train until the minutes are spent."""
        settings = self._settings
        bar = tqdm(
            total=100, unit='%', disable=self._rank > 0, bar_format='{l_bar}{bar}| {postfix}'
        )
        next_checkpoint = self._progress.spent + 60 * settings.checkpoint_minutes
        next_evaluation = self._progress.spent + 60 * settings.evaluation_minutes
        share: float | None = None
        while True:
            alone = settings.processes == 1
            if alone or share is None or self._step % EXCHANGE_STEPS == 0:
                share = self._agreed(self._progress.share)
                if share >= 1:
                    break
            self._take_step(share)
            if self._rank > 0:
                continue
            bar.n = round(100 * share, 1)
            if self._step % 25 == 0:
                shown = self._write_log(share)
                bar.set_postfix_str(shown)
            if self._progress.spent > next_checkpoint:
                self._save()
                next_checkpoint = self._progress.spent + 60 * settings.checkpoint_minutes
            if self._progress.spent > next_evaluation:
                self._evaluate(share)
                next_evaluation = self._progress.spent + 60 * settings.evaluation_minutes
        if self._rank == 0:
            bar.n = 100
            bar.close()
            self._write_log(1.0)
            self._save()
            self._evaluate(1.0)

    def _agreed(self, share: float) -> float:
        """Average the parameters of all processes; return how far the first has come."""
        if self._settings.processes == 1:
            return share
        average_parameters(self._network)
        value = torch.tensor([share], dtype=torch.float64)
        distributed.broadcast(value, 0)
        return float(value)

    def _take_step(self, share: float) -> None:
        settings = self._settings
        batch = self._source.batch(self._step, share)
        choices = replace(
            draw_choices(self._rng, settings.curriculum.clicks(share), len(batch.images)),
            teacher=settings.curriculum.teacher(share),
        )
        self._network.image_encoder.trunk.requires_grad_(share >= settings.frozen_share)
        rollout, loss = self._forward(batch, choices, settings.curriculum.balance(share))
        loss.total.backward()
        parameters = [value for value in self._network.parameters() if value.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        rate = settings.curriculum.rate(share, self._step)
        for group in self._optimiser.param_groups:
            group['lr'] = group['share'] * rate
        # A single bad batch must not end a long run.
        if bool(torch.isfinite(norm)):
            self._optimiser.step()
            self._average.update(self._network)
        self._optimiser.zero_grad(set_to_none=True)
        self._step += 1
        self._frames += batch.images.shape[0] * batch.images.shape[1] * settings.processes
        if self._rank == 0:
            self._note(rollout, loss, batch, choices, float(norm), rate)

    def _forward(self, batch: Batch, choices: Choices, balance: float) -> tuple[Rollout, Loss]:
        on_gpu = self._device.type == 'cuda'
        with torch.autocast(self._device.type, torch.bfloat16, enabled=on_gpu):
            rollout = roll_out(self._network, batch, choices, self._generator)
        return rollout, loss_of(rollout, batch, balance)

    # -- keeping records -----------------------------------------------------------------------

    def _note(
        self,
        rollout: Rollout,
        loss: Loss,
        batch: Batch,
        choices: Choices,
        norm: float,
        rate: float,
    ) -> None:
        values = {
            'loss': float(loss.total.detach()),
            'mask': float(loss.mask),
            'iou': float(loss.iou),
            'presence_loss': float(loss.presence),
            'gradient': norm,
            'rate': rate,
            'neck_rms': float(rollout.embedding.detach().float().square().mean().sqrt()),
        }
        for name, value in scores(rollout, batch).items():
            values[name] = value
            if name in ('j0', 'j1'):
                values[f'{name}_{choices.prompt}'] = value
        for name, value in values.items():
            if np.isfinite(value):
                self._sums.setdefault(name, []).append(value)

    def _write_log(self, share: float) -> str:
        means = {name: round(float(np.mean(v)), 5) for name, v in self._sums.items()}
        self._sums.clear()
        record = {
            'minutes': round(self._progress.spent / 60, 3),
            'share': round(share, 4),
            'step': self._step,
            'frames': self._frames,
            **means,
        }
        self._append(record)
        return ' '.join(
            f'{name} {means[name]:.3f}' for name in ('loss', 'j0', 'j1', 'j_last') if name in means
        )

    def _append(self, record: dict[str, Any]) -> None:
        with self._log_file.open('a') as file:
            file.write(json.dumps(record) + '\n')

    def _save(self) -> None:
        """Write the checkpoint beside the old one and put it in its place at once."""
        output = self._settings.output
        part = output / f'{CHECKPOINT}.part'
        torch.save(
            {
                'image_size': self._settings.image_size,
                'network': self._network.state_dict(),
                'average': self._average.state_dict(),
                'optimiser': self._optimiser.state_dict(),
                'step': self._step,
                'frames': self._frames,
                'seconds': self._progress.spent,
            },
            part,
        )
        part.replace(output / CHECKPOINT)

    def _evaluate(self, share: float) -> None:
        if not self._settings.evaluation_clips:
            return
        network = trainable_network(self._settings.network, self._settings.image_size)
        network.load_state_dict(self._average.state_dict())
        network.eval().to(self._device)
        record: dict[str, Any] = {
            'minutes': round(self._progress.spent / 60, 3),
            'share': round(share, 4),
            'step': self._step,
            'frames': self._frames,
        }
        for difficulty in ('easy', 'medium'):
            held_out = held_out_scores(
                network, difficulty, clips=self._settings.evaluation_clips, frames=30
            )
            record[f'held_out_{difficulty}'] = held_out
        size = self._settings.image_size
        rng = np.random.default_rng(1)
        batch = training_batch(
            rng, self._settings.curriculum, 1.0, frames=1, clips=8, objects=1, size=size
        )
        pixels = network_input(batch.images[0].to(self._device), size)
        record['mask_share_of_memory'] = round(mask_share_of_memory(network, pixels), 4)
        self._append(record)


def trainable_network(name: str, image_size: int) -> SamVideoNetwork:
    """
    Build a network that can be trained, with random weights.

    :raises ValueError: it does not track.
    """
    network = build_network(name, image_size)
    if not isinstance(network, SamVideoNetwork):
        raise ValueError(f'{name} segments single images and is not trained here')
    return network


def _keep_statistics(network: nn.Module) -> None:
    """Keep the statistics of batch norms: batches are too small to estimate them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
