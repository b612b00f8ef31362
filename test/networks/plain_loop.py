# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The plainest SAM 2 loop, with which networks are compared over whole clips.

It is SAM 2's, not the tracker's: six memories by recency and sixteen pointers.
"""

from dataclasses import dataclass, field

import torch

from sam_tracker.networks.api import Memory
from sam_tracker.networks.masks import mask_as_logits, memory_mask, resize_logits


@dataclass(frozen=True)
class Output:
    mask_logits: torch.Tensor
    pointer: torch.Tensor
    object_logit: torch.Tensor
    memory: torch.Tensor


@dataclass
class History:
    """What is known of one object; all batches are of one."""

    conditioning: dict[int, Output] = field(default_factory=dict)
    others: dict[int, Output] = field(default_factory=dict)


class PlainLoop:
    """SAM 2 as its video predictor runs it, one object at a time and nothing forgotten."""

    def __init__(self, network, frames):
        self.network = network
        self.size = network.configuration.image_size
        # A clip may turn back on itself; an image that comes again is not encoded again.
        distinct = {id(frame): frame for frame in frames}
        encoded = {key: network.encode_image(frame[None]) for key, frame in distinct.items()}
        self.features = [encoded[id(frame)] for frame in frames]
        self.objects = {}

    def prompt(self, name, frame, points=(), labels=(), mask=None):
        history = self.objects.setdefault(name, History())
        previous = history.others.get(frame)
        if mask is not None:
            output = self.take_mask(frame, mask)
        else:
            output = self.decode(
                frame,
                self.remember(history, frame) if previous else None,
                torch.tensor([points], dtype=torch.float32),
                torch.tensor([labels]),
                previous and previous.mask_logits.clamp(-32, 32),
            )
        (history.others if previous else history.conditioning)[frame] = output

    def track(self, first, last):
        nothing = torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64)
        for frame in range(first, last + 1):
            for history in self.objects.values():
                if frame not in history.conditioning:
                    memory = self.remember(history, frame)
                    history.others[frame] = self.decode(frame, memory, *nothing)

    def decode(self, frame, memory, points, labels, mask_logits=None):
        network, features = self.network, self.features[frame]
        several = points.shape[1] <= 1
        candidates = network.decode(
            features,
            network.without_memory(features.embedding)
            if memory is None
            else network.attend_to_memory(features.embedding, memory),
            network.encode_prompts(points, labels, mask_logits),
            several,
        )
        present = candidates.object_logit > 0
        best = int(candidates.predicted_iou.argmax())
        mask_logits = candidates.mask_logits[:, best, None].where(present, -1024.0)
        return Output(
            mask_logits,
            network.object_pointer(candidates.tokens[:, best], present),
            candidates.object_logit,
            self.encode(frame, mask_logits, candidates.object_logit, binary=points.shape[1] > 0),
        )

    def take_mask(self, frame, mask):
        network, features = self.network, self.features[frame]
        _, mask_logits = mask_as_logits(mask)
        object_logit = torch.full((1,), 10.0)
        return Output(
            mask_logits,
            pointer_of_mask(network, features, mask),
            object_logit,
            self.encode(frame, mask_logits, object_logit, binary=True),
        )

    def encode(self, frame, mask_logits, object_logit, binary):
        full = resize_logits(mask_logits, self.size, self.size)
        return self.network.encode_memory(
            self.features[frame].embedding, memory_mask(full, binary), object_logit
        ).to(torch.bfloat16)

    def remember(self, history, frame):
        recent = [
            (distance - 1, history.others[frame - distance])
            for distance in range(6, 0, -1)
            if frame - distance in history.others
        ]
        memories = [(6, output) for output in history.conditioning.values()] + recent
        pointers = [(frame - at, output) for at, output in history.conditioning.items()]
        pointers += [
            (distance, history.others[frame - distance])
            for distance in range(1, 16)
            if frame - distance in history.others
        ]
        return Memory(
            tokens=torch.stack([output.memory for _, output in memories], dim=1),
            positions=torch.tensor([[slot for slot, _ in memories]]),
            pointers=torch.stack([output.pointer for _, output in pointers], dim=1),
            pointer_distances=torch.tensor([[float(distance) for distance, _ in pointers]]),
        )


def pointer_of_mask(network, features, mask):
    """
    Make object pointers [O, D] from given masks [O, 1, S, S] of 0 and 1.

    The decoder reads the plain image embedding, without memory and without the embedding of no
    memory. The object is absent where its mask is empty or the decoder predicts absence.
    """
    nowhere = mask.new_zeros(len(mask), 0, 2)
    candidates = network.decode(
        features,
        features.embedding,
        network.encode_prompts(nowhere, nowhere[..., 0], network.encode_mask_prompt(mask)),
        several=False,
    )
    present = (candidates.object_logit > 0) & mask.flatten(1).any(1)
    return network.object_pointer(candidates.tokens[:, 0], present)
