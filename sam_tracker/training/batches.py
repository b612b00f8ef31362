# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of generated clips, with the objects to follow chosen in each."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from sam_tracker.training.curriculum import Curriculum
from sam_tracker.video.generated import GeneratedClip, Scenario, generate_clip

# The prompted object has at least this share of the frame's pixels.
PROMPTED_SHARE = 0.003
SOFTENED_SHARE = 0.4
"""Of the clips: shown as a camera of fewer pixels would have seen them."""


@dataclass(frozen=True)
class Batch:
    """B clips of T frames in which K objects each are followed; S is the side in pixels."""

    images: Tensor
    """uint8 [T, B, S, S, 3]."""
    masks: Tensor
    """bool [T, B * K, S, S], the truth; objects of one clip lie together."""

    def to(self, device: torch.device) -> 'Batch':
        """Move to a device."""
        return Batch(
            self.images.to(device, non_blocking=True), self.masks.to(device, non_blocking=True)
        )

    @property
    def objects_per_clip(self) -> int:
        return self.masks.shape[1] // self.images.shape[1]


def _promptable(clip: GeneratedClip, frame: int) -> list[int]:
    """Return the ids of objects that are large enough on a frame to be prompted there."""
    areas = np.bincount(clip.masks[frame].ravel(), minlength=clip.visible.shape[1] + 1)[1:]
    wanted = PROMPTED_SHARE * clip.masks[frame].size
    return [int(index) + 1 for index in np.flatnonzero(areas >= wanted)]


def training_clip(
    rng: np.random.Generator, frames: int, size: int, difficulty: float
) -> tuple[GeneratedClip, list[int]]:
    """Draw a clip whose first frame shows something to prompt, and the ids of what it shows."""
    while True:
        scenario: Scenario | None = None
        if difficulty > 0.25 and rng.random() < 0.35:
            kinds: tuple[Scenario, ...] = ('re_entry', 're_entry', 'occlusion', 'look_alike')
            scenario = kinds[rng.integers(len(kinds))]
        step = float(rng.choice([1.0, 2.0, 3.0])) * rng.uniform(0.7, 1.1)
        seed = int(rng.integers(2**40))
        clip = generate_clip(seed, frames, size, difficulty, scenario=scenario, step=step)
        ids = _promptable(clip, 0)
        if frames > 1 and rng.random() < 0.3:
            backwards = _promptable(clip, -1)
            if backwards:
                clip = GeneratedClip(
                    clip.frames[::-1], clip.masks[::-1], clip.boxes[::-1], clip.visible[::-1]
                )
                ids = backwards
        if ids:
            return clip, ids


def softened(frames: np.ndarray, scale: float) -> np.ndarray:
    """Return frames uint8 [T, S, S, 3] with the detail that `scale` of their pixels can hold."""
    side = frames.shape[1]
    fewer = max(1, round(scale * side))
    return np.stack(
        [
            cv2.resize(
                cv2.resize(frame, (fewer, fewer), interpolation=cv2.INTER_AREA), (side, side)
            )
            for frame in frames
        ]
    )


def training_batch(
    rng: np.random.Generator,
    curriculum: Curriculum,
    progress: float,
    *,
    frames: int,
    clips: int,
    objects: int,
    size: int,
) -> Batch:
    """Draw a batch as the curriculum wants it at this point of the run."""
    images = np.empty((frames, clips, size, size, 3), np.uint8)
    masks = np.empty((frames, clips, objects, size, size), np.bool_)
    for index in range(clips):
        difficulty = curriculum.difficulty(rng, progress)
        clip, ids = training_clip(rng, frames, size, difficulty)
        soft = rng.random() < SOFTENED_SHARE
        images[:, index] = softened(clip.frames, rng.uniform(0.5, 0.95)) if soft else clip.frames
        chosen = rng.permutation(ids)[:objects]
        if len(chosen) < objects:
            chosen = np.concatenate([chosen, rng.choice(ids, objects - len(chosen))])
        masks[:, index] = clip.masks[:, None] == chosen[None, :, None, None]
    return Batch(torch.from_numpy(images), torch.from_numpy(masks.reshape(frames, -1, size, size)))
