# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Validation on held-out clips: plain SAM 2 tracking, against a static box."""

import numpy as np
import torch

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.training.batches import PROMPTED_SHARE, Batch
from sam_tracker.training.choices import Choices, PromptKind
from sam_tracker.training.prompting import boxes_of
from sam_tracker.training.rollout import candidate_iou, roll_out, small_truth
from sam_tracker.video.generated import generate_clip

CLIPS_AT_ONCE = 4


def held_out_batch(seeds: range, difficulty: str, frames: int, size: int) -> Batch:
    """Return clips of other textures and outlines than those trained on, object 1 of each."""
    images, masks = [], []
    for seed in seeds:
        clip = generate_clip(seed, frames, size, difficulty, held_out=True)
        ids = [1]
        if np.mean(clip.masks[0] == 1) < PROMPTED_SHARE:
            areas = np.bincount(clip.masks[0].ravel(), minlength=2)
            ids = [int(areas[1:].argmax()) + 1]
        images.append(clip.frames)
        masks.append(clip.masks == ids[0])
    return Batch(
        torch.from_numpy(np.stack(images, axis=1)),
        torch.from_numpy(np.stack(masks, axis=1)),
        torch.arange(len(masks)),
    )


@torch.inference_mode()
def held_out_scores(
    network: VideoNetwork,
    difficulty: str,
    *,
    clips: int,
    frames: int,
    prompt: PromptKind = 'box',
) -> dict[str, float]:
    """
    Track one object in each clip.

    :returns: `j`, the mean IoU of the masks over the frames after the first on which the object is
        seen, averaged over clips; `j0`, that of the first frame; `late`, that of the last quarter;
        `static_box`, the score of the first frame's box left in place; `presence`, the balanced
        accuracy over all frames.
    """
    size = network.image_size
    device = network.device
    generator = torch.Generator().manual_seed(0)
    per_clip: dict[str, list[float]] = {'j': [], 'j0': [], 'late': [], 'static_box': []}
    there_all, present_all = [], []
    for start in range(0, clips, CLIPS_AT_ONCE):
        seeds = range(start, min(start + CLIPS_AT_ONCE, clips))
        batch = held_out_batch(seeds, difficulty, frames, size).to(device)
        rollout = roll_out(network, batch, Choices(prompt=prompt), generator)
        truth = small_truth(batch.masks)
        there = batch.masks.flatten(2).any(2)
        present = torch.stack(rollout.present)
        logits = torch.stack(rollout.mask_logits)
        logits = torch.where(present[..., None, None], logits, -1.0)
        overlap = torch.stack(
            [candidate_iou(logits[t][:, None], truth[t])[:, 0] for t in range(frames)]
        )
        static = _static_box_iou(batch)
        for clip in range(len(seeds)):
            seen = there[:, clip].clone()
            seen[0] = False
            late = seen.clone()
            late[: 3 * frames // 4] = False
            for name, values, where in (
                ('j', overlap, seen), ('late', overlap, late), ('static_box', static, seen)
            ):  # fmt: skip
                if bool(where.any()):
                    per_clip[name].append(float(values[where, clip].mean()))
            per_clip['j0'].append(float(overlap[0, clip]))
        there_all.append(there[1:].flatten())
        present_all.append(present[1:].flatten())
    result = {name: round(float(np.mean(v)), 4) for name, v in per_clip.items() if v}
    there, present = torch.cat(there_all), torch.cat(present_all)
    if not bool(there.all()):
        hits, rejections = present[there].float().mean(), (~present[~there]).float().mean()
        result['presence'] = round(float(hits + rejections) / 2, 4)
    result['absent_frames'] = int((~there).sum())
    return result


def _static_box_iou(batch: Batch) -> torch.Tensor:
    """Return the mask IoU [T, O] of the first frame's filled box left in place."""
    boxes = boxes_of(batch.masks[0])
    index = torch.arange(batch.masks.shape[-1], device=boxes.device)
    across = (index >= boxes[:, :1]) & (index < boxes[:, 2:3])
    down = (index >= boxes[:, 1:2]) & (index < boxes[:, 3:])
    box = (down[:, :, None] & across[:, None]).float()
    answer = small_truth(box) - 0.5
    truth = small_truth(batch.masks)
    return torch.stack([candidate_iou(answer[:, None], frame)[:, 0] for frame in truth])
