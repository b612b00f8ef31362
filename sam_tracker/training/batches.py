# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of clips, generated or composed of real images, with the objects to track in each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.training.composition import Clip, compose_clip
from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.degradation import degraded, softened
from sam_tracker.training.footage import Footage
from sam_tracker.video.generated import generate_clip
from sam_tracker.video.scene_plan import Scenario

# The prompted object has at least this share of the frame's pixels.
PROMPTED_SHARE = 0.003
SOFTENED_SHARE = 0.4
"""Share of the generated clips that are reduced to the detail of a smaller camera."""
REAL_SHARE = 0.5
"""Default share of clips made of real images, where there are some."""


@dataclass(frozen=True)
class Batch:
    """B clips of T frames with O objects in total to track; S is the side in pixels."""

    images: Tensor
    """uint8 [T, B, S, S, 3]."""
    masks: Tensor
    """bool [T, O, S, S], the truth."""
    clip_of: Tensor
    """int64 [O], the clip of each object."""

    def to(self, device: torch.device) -> 'Batch':
        """Move to a device."""
        return Batch(
            self.images.to(device, non_blocking=True),
            self.masks.to(device, non_blocking=True),
            self.clip_of.to(device, non_blocking=True),
        )


def _promptable(ids: NDArray[np.uint8]) -> list[int]:
    """Return the ids of objects that are large enough on a frame [S, S] to be prompted there."""
    areas = np.bincount(ids.ravel())[1:]
    return [int(index) + 1 for index in np.flatnonzero(areas >= PROMPTED_SHARE * ids.size)]


def _generated(rng: np.random.Generator, frames: int, size: int, difficulty: float) -> Clip:
    """Draw a generated clip, sometimes degraded as by a poor camera."""
    scenario: Scenario | None = None
    if difficulty > 0.25 and rng.random() < 0.35:
        kinds: tuple[Scenario, ...] = ('re_entry', 're_entry', 'occlusion', 'look_alike')
        scenario = kinds[rng.integers(len(kinds))]
    step = float(rng.choice([1.0, 2.0, 3.0])) * rng.uniform(0.7, 1.1)
    seed = int(rng.integers(2**40))
    clip = generate_clip(seed, frames, size, difficulty, scenario=scenario, step=step)
    images = clip.frames
    if rng.random() < SOFTENED_SHARE:
        images = softened(images, rng.uniform(0.5, 0.95))
    if rng.random() < 0.15:
        images = degraded(images, rng)
    return Clip(images, clip.masks)


def training_clip(
    rng: np.random.Generator,
    frames: int,
    size: int,
    difficulty: float,
    footage: Footage | None,
    real_share: float = REAL_SHARE,
) -> tuple[Clip, list[int]]:
    """Draw a clip whose first frame shows something to prompt, and the ids of what it shows."""
    while True:
        if footage is not None and rng.random() < real_share:
            clip = compose_clip(rng, footage, frames, size)
        else:
            clip = _generated(rng, frames, size, difficulty)
        ids = _promptable(clip.masks[0])
        if frames > 1 and rng.random() < 0.3:
            backwards = _promptable(clip.masks[-1])
            if backwards:
                clip = Clip(clip.frames[::-1], clip.masks[::-1])
                ids = backwards
        if ids:
            return clip, ids


def training_batch(
    rng: np.random.Generator,
    curriculum: Curriculum,
    progress: float,
    *,
    frames: int,
    clips: int,
    objects: int,
    size: int,
    footage: Footage | None = None,
    real_share: float = REAL_SHARE,
    filled: bool = False,
) -> Batch:
    """
    Draw a batch according to the curriculum at this point of the run.

    :param objects: followed in each clip, or as many as it shows if it shows fewer.
    :param real_share: of the clips, where there is footage; the others are generated.
    :param filled: repeat the objects of a clip that shows fewer, so that batches have few shapes.
        Those are prompted differently each time, and weigh more in the loss.
    """
    images = np.empty((frames, clips, size, size, 3), np.uint8)
    masks, owners = [], []
    for index in range(clips):
        difficulty = curriculum.difficulty(rng, progress)
        clip, ids = training_clip(rng, frames, size, difficulty, footage, real_share)
        images[:, index] = clip.frames
        chosen = rng.permutation(ids)[:objects]
        if filled:
            chosen = np.resize(chosen, objects)
        masks.append(clip.masks[:, None] == chosen[None, :, None, None])
        owners += [index] * len(chosen)
    return Batch(
        torch.from_numpy(images),
        torch.from_numpy(np.concatenate(masks, axis=1)),
        torch.tensor(owners),
    )
