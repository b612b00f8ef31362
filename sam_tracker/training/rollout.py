# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Track objects through clips as plain SAM 2 does, differentiably and many clips at once.

Every object is prompted on the first frame, and all may be corrected on one later frame, which is
then remembered like the first. All have equal memory layouts: the prompted frames, the six before
the current one, and up to sixteen pointers.
"""

from dataclasses import dataclass

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
from sam_tracker.training.choices import Choices

ABSENT_LOGIT = -1024.0


@dataclass(frozen=True)
class Answer:
    """One output of the decoder: on a frame, or on a correction of the first."""

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
    """Track all objects of the batch from its first frame to its last."""
    frames, clips = batch.images.shape[:2]
    objects = batch.masks.shape[1]
    side = network.image_size
    device = batch.images.device
    truth = small_truth(batch.masks)
    with torch.no_grad():
        pixels = network.preprocess(batch.images.flatten(0, 1))
    if pixels.is_cuda:
        # In this order of memory cuDNN has kernels for depthwise convolutions in bfloat16.
        pixels = pixels.contiguous(memory_format=torch.channels_last)
    encoded = network.encode_image(pixels)
    taught = (torch.rand(objects, generator=generator) < choices.teacher).to(device)
    owner = batch.clip_of

    answers: list[Answer] = []
    masks: list[Tensor] = []
    presence: list[Tensor] = []
    memories: list[Tensor] = []
    pointers: list[Tensor] = []

    prompted = [0]

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
            if choices.prompt == 'mask' and not choices.corrections:
                given = batch.masks[0][:, None].float()
            found = _prompted(network, features, conditioned, batch, choices, generator)
        else:
            memory = _remembered(
                network.memory_layout, memories, pointers, prompted, choices.elapsed
            )
            conditioned = network.attend_to_memory(features.embedding, memory)
            nothing = torch.zeros(objects, 0, 2, device=device)
            prompts = network.encode_prompts(nothing, nothing[..., 0].long())
            found = [network.decode(features, conditioned, prompts, several=True)]
            if frame == choices.corrected_frame:
                found += _corrected(
                    network,
                    features,
                    conditioned,
                    found[0],
                    batch.masks[frame],
                    choices,
                    generator,
                )
                prompted.append(frame)
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
        shown = memory_mask(full, binary=frame in prompted)
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
    objects = len(truth)
    if choices.prompt == 'mask':
        none = torch.zeros(objects, 0, 2, device=truth.device)
        mask = prompting.drawn_mask(truth, generator) if choices.corrections else truth
        dense = network.encode_mask_prompt(mask[:, None].float())
        prompts = network.encode_prompts(none, none[..., 0].long(), dense)
        found = [network.decode(features, conditioned, prompts, several=False)]
        if not choices.corrections:
            return found
        start = mask_as_logits(mask[:, None].float())[1][:, 0]
        nothing = none, none[..., 0].long()
        return found + _clicked(
            network, features, conditioned, start, truth, nothing, choices.corrections, choices,
            generator,
        )  # fmt: skip
    if choices.prompt == 'box':
        points, labels = prompting.box_prompt(truth, choices.box_jitter, generator)
    else:
        point, _ = prompting.point_in(truth, generator)
        points = point[:, None]
        labels = torch.ones(objects, 1, dtype=torch.long, device=truth.device)
    several = choices.several_on_prompt or choices.prompt == 'point'
    prompts = network.encode_prompts(points, labels)
    first = network.decode(features, conditioned, prompts, several=several)
    clicked = _clicked(
        network, features, conditioned, _best(first), truth, (points, labels), choices.corrections,
        choices, generator,
    )  # fmt: skip
    return [first, *clicked]


def _corrected(
    network: VideoNetwork,
    features: ImageFeatures,
    conditioned: Tensor,
    tracked: MaskCandidates,
    truth: Tensor,
    choices: Choices,
    generator: torch.Generator,
) -> list[MaskCandidates]:
    """Decode a later frame again with what corrects its answer."""
    if choices.later_prompt == 'box':
        points, labels = prompting.box_prompt(truth, choices.box_jitter, generator)
        # Absent objects get no box.
        labels = torch.where(truth.flatten(1).any(1)[:, None], labels, -1)
        dense = None if choices.mask_forgotten else _best(tracked)[:, None].clamp(-32, 32)
        prompts = network.encode_prompts(points, labels, dense)
        return [network.decode(features, conditioned, prompts, several=False)]
    none = torch.zeros(len(truth), 0, 2, device=truth.device)
    return _clicked(
        network, features, conditioned, _best(tracked), truth, (none, none[..., 0].long()),
        choices.later_clicks, choices, generator, forgotten=choices.mask_forgotten,
    )  # fmt: skip


def _best(candidates: MaskCandidates) -> Tensor:
    """Return the mask logits [O, h, w] of the candidates with the highest predicted IoU."""
    best = candidates.predicted_iou.argmax(1)
    rows = torch.arange(len(best), device=best.device)
    return candidates.mask_logits[rows, best].detach()


def _clicked(
    network: VideoNetwork,
    features: ImageFeatures,
    conditioned: Tensor,
    logits: Tensor,
    truth: Tensor,
    earlier: tuple[Tensor, Tensor],
    clicks: int,
    choices: Choices,
    generator: torch.Generator,
    forgotten: bool = False,
) -> list[MaskCandidates]:
    """
    Click again and again where the answer is wrong.

    :param logits: [O, h, w] of the answer so far.
    :param earlier: points and labels so far.
    :param forgotten: the first click comes without the answer so far.
    """
    side = truth.shape[-1]
    points, labels = earlier
    found = []
    for number in range(clicks):
        answer = resize_logits(logits[:, None], side, side)[:, 0] > 0
        point, label = prompting.correction(truth, answer, generator)
        point, label = point[:, None], label[:, None]
        if not choices.newest_click_alone:
            point = torch.cat((points, point), dim=1)
            label = torch.cat((labels, label), dim=1)
        points, labels = point, label
        dense = None if forgotten and number == 0 else logits[:, None].clamp(-32, 32)
        prompts = network.encode_prompts(points, labels, dense)
        found.append(network.decode(features, conditioned, prompts, several=points.shape[1] == 1))
        logits = _best(found[-1])
    return found


def _remembered(
    layout: MemoryLayout,
    memories: list[Tensor],
    pointers: list[Tensor],
    prompted: list[int],
    elapsed: int,
) -> Memory:
    """Lay out the prompted frames, then the recent others from the oldest to the newest."""
    frame = len(memories)
    recent = range(max(1, frame - layout.recent_memories), frame)
    others = [index for index in recent if index not in prompted]
    positions = [layout.conditioning_position] * len(prompted) + [
        frame - 1 - index for index in others
    ]
    newest = range(frame - 1, max(0, frame - 1 - layout.recent_pointers), -1)
    pointer_indices = [*prompted, *(index for index in newest if index not in prompted)]
    distances = [frame - index + (elapsed if index == 0 else 0) for index in pointer_indices]
    objects, device = len(memories[0]), memories[0].device
    return Memory(
        tokens=torch.stack([memories[index] for index in [*prompted, *others]], dim=1),
        positions=torch.tensor(positions, device=device).expand(objects, -1),
        pointers=torch.stack([pointers[index] for index in pointer_indices], dim=1),
        pointer_distances=torch.tensor(distances, dtype=torch.float32, device=device).expand(
            objects, -1
        ),
    )
