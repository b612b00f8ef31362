# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Follow objects through a clip as plain SAM 2 does, differentiably and for many clips at once.

Every object is prompted on the first frame. All have equal memory layouts: the first frame, the
six before the current one, and up to sixteen pointers.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sam_tracker.networks.api import (
    ImageFeatures,
    MaskCandidates,
    Memory,
    MemoryLayout,
    VideoNetwork,
)
from sam_tracker.networks.masks import mask_as_logits, memory_mask, resize_logits
from sam_tracker.training import prompting
from sam_tracker.training.batches import Batch

PromptKind = Literal['box', 'mask', 'point']

ABSENT_LOGIT = -1024.0


@dataclass(frozen=True)
class Choices:
    """What is drawn anew for every batch."""

    prompt: PromptKind = 'box'
    box_jitter: float = 0.0
    several_on_prompt: bool = False
    """Ask for three candidates on the first frame, as one click does."""
    corrections: int = 0
    """Further clicks on the first frame, each where the answer was wrong."""
    teacher: float = 0.0
    """Share of objects whose presence and choice of candidate the truth decides."""
    elapsed: int = 0
    """Frames by which the prompt is made to seem longer ago."""


@dataclass(frozen=True)
class Answer:
    """What the decoder said once: on a frame, or on a correction of the first."""

    frame: int
    candidates: MaskCandidates
    chosen: Tensor
    """[O], index of the candidate taken."""


@dataclass(frozen=True)
class Rollout:
    """All answers of a clip, what the loss needs besides, and the final masks."""

    answers: list[Answer]
    embedding: Tensor
    """[T * B, D, h, w]: the raw image embeddings, whose scale is watched."""
    mask_logits: list[Tensor]
    """T of [O, S/4, S/4]: the chosen masks, not gated by presence."""
    present: list[Tensor]
    """T of [O] bool, as predicted."""


def small_truth(masks: Tensor) -> Tensor:
    """Return the share of each 4×4 pixels that masks bool [..., S, S] cover, [..., S/4, S/4]."""
    shape = (*masks.shape[:-2], masks.shape[-2] // 4, 4, masks.shape[-1] // 4, 4)
    return masks.view(shape).float().mean((-1, -3))


def candidate_iou(mask_logits: Tensor, truth: Tensor) -> Tensor:
    """Return the IoU [O, C] of masks [O, C, h, w] with the covered shares [O, h, w]."""
    answer = mask_logits > 0
    wanted = truth[:, None] > 0.5
    both = (answer & wanted).flatten(2).sum(2)
    either = (answer | wanted).flatten(2).sum(2)
    return torch.where(either > 0, both / either.clamp_min(1), 1.0)


def roll_out(
    network: VideoNetwork, batch: Batch, choices: Choices, generator: torch.Generator
) -> Rollout:
    """Follow all objects of the batch from its first frame to its last."""
    frames, clips = batch.images.shape[:2]
    copies = batch.objects_per_clip
    objects = clips * copies
    side = network.image_size
    device = batch.images.device
    truth = small_truth(batch.masks)
    with torch.no_grad():
        pixels = network.preprocess(batch.images.flatten(0, 1))
    encoded = network.encode_image(pixels)
    taught = (torch.rand(objects, generator=generator) < choices.teacher).to(device)
    owner = torch.arange(objects, device=device) // copies

    answers: list[Answer] = []
    masks: list[Tensor] = []
    presence: list[Tensor] = []
    memories: list[Tensor] = []
    pointers: list[Tensor] = []

    for frame in range(frames):
        rows = frame * clips + owner
        features = ImageFeatures(
            encoded.embedding[rows],
            tuple(level[rows] for level in encoded.high_resolution),
        )
        there = batch.masks[frame].flatten(1).any(1)
        given: Tensor | None = None
        if frame == 0:
            conditioned = network.without_memory(features.embedding)
            if choices.prompt == 'mask':
                given = batch.masks[0][:, None].float()
            found = _prompted(network, features, conditioned, batch, choices, generator)
        else:
            memory = _remembered(network.memory_layout, memories, pointers, frame, choices.elapsed)
            conditioned = network.attend_to_memory(features.embedding, memory)
            nothing = torch.zeros(objects, 0, 2, device=device)
            prompts = network.encode_prompts(nothing, nothing[..., 0].long())
            found = [network.decode(features, conditioned, prompts, several=True)]
        for candidates in found:
            best = candidate_iou(candidates.mask_logits, truth[frame]).argmax(1)
            chosen = torch.where(taught, best, candidates.predicted_iou.argmax(1))
            answers.append(Answer(frame, candidates, chosen))

        candidates, chosen = answers[-1].candidates, answers[-1].chosen
        index = torch.arange(objects, device=device)
        logits = candidates.mask_logits[index, chosen]
        present = candidates.object_logit > 0
        masks.append(logits)
        presence.append(present)
        if frame == frames - 1:
            break
        believed = torch.where(taught, there, present)
        if given is not None:
            full, _ = mask_as_logits(given)
            believed = there
        else:
            gated = torch.where(believed[:, None, None], logits, ABSENT_LOGIT)
            full = resize_logits(gated[:, None], side, side)
        pointers.append(network.object_pointer(candidates.tokens[index, chosen], believed))
        marks = torch.where(believed, 1.0, -1.0)
        shown = memory_mask(full, binary=frame == 0)
        memories.append(network.encode_memory(features.embedding, shown, marks))
    return Rollout(answers, encoded.embedding, masks, presence)


def _prompted(
    network: VideoNetwork,
    features: ImageFeatures,
    conditioned: Tensor,
    batch: Batch,
    choices: Choices,
    generator: torch.Generator,
) -> list[MaskCandidates]:
    """Decode the first frame with its prompts, and again with every correction."""
    truth = batch.masks[0]
    side = truth.shape[-1]
    objects = len(truth)
    if choices.prompt == 'mask':
        none = torch.zeros(objects, 0, 2, device=truth.device)
        dense = network.encode_mask_prompt(truth[:, None].float())
        prompts = network.encode_prompts(none, none[..., 0].long(), dense)
        return [network.decode(features, conditioned, prompts, several=False)]
    if choices.prompt == 'box':
        points, labels = prompting.box_prompt(truth, choices.box_jitter, generator)
    else:
        point, _ = prompting.point_in(truth, generator)
        points = point[:, None]
        labels = torch.ones(objects, 1, dtype=torch.long, device=truth.device)
    several = choices.several_on_prompt or choices.prompt == 'point'
    prompts = network.encode_prompts(points, labels)
    found = [network.decode(features, conditioned, prompts, several=several)]
    for _ in range(choices.corrections):
        last = found[-1]
        best = last.predicted_iou.argmax(1)
        logits = last.mask_logits[torch.arange(objects, device=best.device), best].detach()
        answer = resize_logits(logits[:, None], side, side)[:, 0] > 0
        point, label = prompting.correction(truth, answer, generator)
        points = torch.cat((points, point[:, None]), dim=1)
        labels = torch.cat((labels, label[:, None]), dim=1)
        prompts = network.encode_prompts(points, labels, logits[:, None].clamp(-32, 32))
        found.append(network.decode(features, conditioned, prompts, several=False))
    return found


def _remembered(
    layout: MemoryLayout,
    memories: list[Tensor],
    pointers: list[Tensor],
    frame: int,
    elapsed: int,
) -> Memory:
    """Collect the first frame, then the recent ones from the oldest to the newest."""
    first_recent = max(1, frame - layout.recent_memories)
    indices = [0, *range(first_recent, frame)]
    positions = [layout.conditioning_position, *(frame - 1 - index for index in indices[1:])]
    pointer_indices = [0, *range(frame - 1, max(0, frame - 1 - layout.recent_pointers), -1)]
    distances = [frame + elapsed, *(frame - index for index in pointer_indices[1:])]
    objects, device = len(memories[0]), memories[0].device
    return Memory(
        tokens=torch.stack([memories[index] for index in indices], dim=1),
        positions=torch.tensor(positions, device=device).expand(objects, -1),
        pointers=torch.stack([pointers[index] for index in pointer_indices], dim=1),
        pointer_distances=torch.tensor(distances, dtype=torch.float32, device=device).expand(
            objects, -1
        ),
    )
