# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the network is asked on a frame: decode the objects, read a prompt, encode memories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sam_tracker.core.coordinates import ImageScale, prompt_points
from sam_tracker.core.frame import Pixels
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.frame_upload import FrameUpload
from sam_tracker.networks.mask_images import network_mask
from sam_tracker.networks.masks import (
    corrected_logits,
    mask_as_logits,
    memory_mask,
    resize_logits,
)
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.sam2.mask_decoder import MaskCandidates
from sam_tracker.networks.sam2.network import ImageFeatures, Sam2Network
from sam_tracker.tracking.memory.bank import Recollection
from sam_tracker.tracking.memory.store import MemoryStore, uploaded
from sam_tracker.tracking.seen_frame import SeenFrame
from sam_tracker.tracking.settings import TrackerSettings

LARGEST_BATCH = 16
"""Objects that go through the network at once; more are worked on in turns."""


@dataclass(frozen=True)
class PromptAnswer:
    """What the network makes of a prompt for one object."""

    candidates: MaskCandidates
    """O = 1; C is 3 for a single click, which may mean a part or the whole, else 1."""
    pointed: Tensor
    """[1], logit that decides whether the pointer is that of an object."""


class Inference:
    """
    One network at work for the objects of one tracker; it decides nothing.

    Shapes as in ``model.network``: O objects, C candidates, s = S / 4, D channels.
    """

    def __init__(self, network: Sam2Network, settings: TrackerSettings) -> None:
        self.network = network
        self.device = next(network.parameters()).device
        self.image_size = network.configuration.image_size
        self.store = MemoryStore(network.configuration, settings, self.device)
        self._upload = FrameUpload(self.device)

    def encode(self, seen: SeenFrame, frame: Pixels) -> ImageFeatures:
        """Return what the network sees in the frame, encoding it the first time."""
        if seen.features is None:
            images = network_input(self._upload(frame), self.image_size)
            seen.features = self.network.encode_image(images)
        return seen.features

    def track(
        self, features: ImageFeatures, past: Sequence[tuple[int, Recollection | None]]
    ) -> tuple[list[int], MaskCandidates]:
        """
        Decode the candidates of O objects by what they remember, those of equal layout at once.

        :param past: for each its row in the store, and what to read there.
        :returns: the order in which the objects come out, and their candidates.
        """
        order: list[int] = []
        decoded: list[MaskCandidates] = []
        for batch in batches([recollection for _, recollection in past]):
            conditioned = self._conditioned(features, [past[index] for index in batch])
            no_points = conditioned.new_zeros((len(batch), 0, 2))
            prompts = self.network.encode_prompts(no_points, no_points[..., 0].long())
            decoded.append(self.network.decode(features, conditioned, prompts, several=True))
            order += batch
        return order, joined(decoded)

    def read_prompt(
        self,
        features: ImageFeatures,
        prompt: Prompt,
        scale: ImageScale,
        row: int,
        recollection: Recollection | None,
        previous: Tensor | None,
    ) -> PromptAnswer:
        """
        Decode what a prompt means.

        :param row: the object's row in the store, :param recollection: what to read there; None
            when it has no past.
        :param previous: [s, s] logits of the mask that the prompt corrects; None: there is none.
        """
        given = (
            None
            if prompt.mask is None
            else network_mask(prompt.mask, self.image_size, self.device)
        )
        if given is not None and prompt.box is None and not len(prompt.points):
            return self._take_mask(features, given)
        dense = None
        if given is not None:
            dense = mask_as_logits(given)[1]
        elif previous is not None:
            dense = corrected_logits(previous[None, None])
        points, labels = prompt_points(prompt, scale)
        prompts = self.network.encode_prompts(
            torch.from_numpy(points).float().to(self.device)[None],
            torch.from_numpy(labels).to(self.device)[None],
            dense,
        )
        conditioned = self._conditioned(features, [(row, recollection)])
        candidates = self.network.decode(features, conditioned, prompts, several=len(labels) <= 1)
        return PromptAnswer(candidates, candidates.object_logit)

    def memories(
        self,
        features: ImageFeatures,
        logits: Tensor,
        tokens: Tensor,
        present: Sequence[bool],
        object_logits: Sequence[float],
        binary: bool,
    ) -> tuple[Tensor, Tensor]:
        """
        Encode what a frame showed of O objects.

        :param logits: [O, s, s] the masks, :param tokens: [O, D] their tokens.
        :param present: whether each pointer is to be that of an object in the image.
        :param object_logits: where not above 0, the memory is marked as one of absence.
        :param binary: whether the masks are given, not found.
        :returns: memories [O, C_mem, h, w] and pointers [O, D].
        """
        shown = uploaded(np.array([present, object_logits], dtype=np.float32), self.device)
        size = self.image_size
        memories = []
        for start in range(0, len(logits), LARGEST_BATCH):
            part = slice(start, start + LARGEST_BATCH)
            mask = memory_mask(resize_logits(logits[part, None], size, size), binary)
            memories.append(self.network.encode_memory(features.embedding, mask, shown[1, part]))
        pointers = self.network.object_pointer(tokens, shown[0])
        return torch.cat(memories) if len(memories) > 1 else memories[0], pointers

    def _conditioned(
        self, features: ImageFeatures, past: Sequence[tuple[int, Recollection | None]]
    ) -> Tensor:
        """Put into the image what objects of equal layout remember, [O, D, h, w]."""
        held = [(row, recollection) for row, recollection in past if recollection is not None]
        if not held:
            return self.network.attend_to_memory(features.embedding, None)
        memory = self.store.read([row for row, _ in held], [read for _, read in held])
        return self.network.attend_to_memory(features.embedding, memory)

    def _take_mask(self, features: ImageFeatures, given: Tensor) -> PromptAnswer:
        """Take a given mask as the answer; the decoder is asked for its token only."""
        dense = self.network.encode_mask_prompt(given)
        no_points = dense.new_zeros((1, 0, 2))
        prompts = self.network.encode_prompts(no_points, no_points[..., 0].long(), dense)
        answer = self.network.decode(features, features.embedding, prompts, several=False)
        candidates = replace(
            answer,
            mask_logits=mask_as_logits(given)[1],
            predicted_iou=torch.ones_like(answer.predicted_iou),
            object_logit=torch.full_like(answer.object_logit, 10.0),
        )
        return PromptAnswer(candidates, answer.object_logit)


def batches(recollections: Sequence[Recollection | None]) -> Iterator[list[int]]:
    """Sort objects into batches of equal layout, none larger than LARGEST_BATCH."""
    layouts: dict[tuple[int, int] | None, list[int]] = {}
    for index, recollection in enumerate(recollections):
        layout = None if recollection is None else recollection.layout
        layouts.setdefault(layout, []).append(index)
    for members in layouts.values():
        for start in range(0, len(members), LARGEST_BATCH):
            yield members[start : start + LARGEST_BATCH]


def joined(parts: Sequence[MaskCandidates]) -> MaskCandidates:
    """Join the candidates of several batches of objects."""
    if len(parts) == 1:
        return parts[0]
    return MaskCandidates(
        torch.cat([part.mask_logits for part in parts]),
        torch.cat([part.predicted_iou for part in parts]),
        torch.cat([part.tokens for part in parts]),
        torch.cat([part.object_logit for part in parts]),
    )
