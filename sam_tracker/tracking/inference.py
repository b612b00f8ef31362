# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the network for a tracker: decode objects, decode a prompt, encode memories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sam_tracker.core.coordinates import ImageScale, prompt_points
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import (
    ImageFeatures,
    MaskCandidates,
    Memory,
    PromptEncoding,
    VideoNetwork,
)
from sam_tracker.networks.batching import LARGEST_BATCH, batches
from sam_tracker.networks.mask_images import network_mask
from sam_tracker.networks.masks import (
    corrected_logits,
    mask_as_logits,
    memory_mask,
    resize_logits,
)
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.upload import uploaded
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import Measurements, measure
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.memory.bank import MemoryReading
from sam_tracker.tracking.memory.store import MemoryStore
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.view_encoder import ViewEncoder, image_features

PRESENT_LOGIT = 10.0
"""Object logit of a frame that certainly shows the object."""


@dataclass(frozen=True)
class PromptAnswer:
    """What the network answers to a prompt for one object."""

    candidates: MaskCandidates
    """
    O = 1; C is 3 for a single click, which may mean a part or the whole, and where several are
    asked for; else 1.
    """
    pointed: Tensor | None = None
    """
    [1], object logit that decides whether the object pointer is one of absence; None: that of the
    candidates.
    """


class Inference:
    """Runs one network for the objects of one tracker; no policy. Sizes as in ``networks.api``."""

    def __init__(
        self, network: VideoNetwork, settings: TrackerSettings, runtime: Runtime | None
    ) -> None:
        self.network = network
        self.device = network.device
        self.image_size = network.image_size
        memory_type = torch.bfloat16 if runtime is None else runtime.memory_type
        self.store = MemoryStore(network.memory_layout, settings, self.device, memory_type)
        self.views = ViewEncoder(network)
        self._settings = settings

    def change(self, settings: TrackerSettings) -> None:
        """Use other settings from now on."""
        self._settings = settings
        self.store.change(settings)

    def measured(
        self,
        features: ImageFeatures,
        candidates: MaskCandidates,
        scales: Sequence[ImageScale],
        frame: CachedFrame,
        intersecting: bool = False,
    ) -> tuple[MaskCandidates, Measurements]:
        """
        Measure candidates as ``candidates.measure`` does.

        :param features: that the candidates were decoded from.
        :param scales: for each object, of the part of the frame that it was decoded from.
        :returns: the candidates, and their measurements; boxes are in network pixels of the whole
            image.
        """
        candidates, measured = measure(
            candidates,
            self._settings.presence_logit,
            self.image_size,
            LARGEST_BATCH,
            intersecting,
            self.store.compares_candidates or self._settings.drop_detached_parts,
            None if self._settings.familiarity is None else features,
        )
        boxes = [
            scale.boxes_to(frame.scale, boxes)
            for scale, boxes in zip(scales, measured.boxes, strict=True)
        ]
        cells = self.image_size / candidates.mask_logits.shape[-1]
        areas = [cells**2 * np.prod(scale.pixel) for scale in scales]
        return candidates, replace(measured, boxes=np.stack(boxes), cell_areas=np.array(areas))

    def order(self, rows: Sequence[int]) -> list[int]:
        """Return the indices of rows of the store so that equal layouts of memories adjoin."""
        return [index for batch in batches(_layouts(self.store.readings(rows))) for index in batch]

    def track(self, features: ImageFeatures, rows: Sequence[int]) -> MaskCandidates:
        """
        Decode the candidates of O objects, one batch for each layout of memories.

        :param features: of one image, or of O images.
        :param rows: of the objects in the store, as ``order`` puts them.
        """
        decoded: list[MaskCandidates] = []
        readings = self.store.readings(rows)
        for batch in batches(_layouts(readings)):
            part = slice(batch[0], batch[-1] + 1)
            shown = image_features(features, part) if len(features.embedding) > 1 else features
            conditioned = self._conditioned(shown, rows[part], readings[part])
            prompts = self._no_prompts(len(batch))
            decoded.append(self.network.decode(shown, conditioned, prompts, several=True))
        return joined(decoded)

    def track_alone(
        self, features: ImageFeatures, logits: Tensor, token: Tensor, to: ImageFeatures
    ) -> MaskCandidates:
        """
        Decode the candidates of one object by the memory of one frame and nothing else.

        :param features: of the frame that is remembered.
        :param logits: [s, s] of the object's mask there.
        :param token: [D] of that mask.
        :param to: features of the frame to decode.
        """
        memories, pointers = self.memories(
            features, logits[None], token[None], [True], [PRESENT_LOGIT], binary=False
        )
        position = torch.full(
            (1, 1), self.network.memory_layout.conditioning_position, device=self.device
        )
        memory = Memory(memories[:, None], position, pointers[:, None], pointers.new_ones((1, 1)))
        conditioned = self.network.attend_to_memory(to.embedding, memory)
        return self.network.decode(to, conditioned, self._no_prompts(1), several=True)

    def read_prompt(
        self,
        features: ImageFeatures,
        prompt: Prompt,
        scale: ImageScale,
        row: int,
        correcting: bool,
        previous: Tensor | None,
        several: bool = False,
    ) -> PromptAnswer:
        """
        Decode a prompt for one object.

        :param row: the object's row in the store.
        :param correcting: whether this is the object's newest frame, which is decoded again.
        :param previous: [s, s] logits of the mask that the prompt corrects, if any.
        :param several: whether a box or several points are answered with candidates too.
        """
        given = None if prompt.mask is None else network_mask(prompt.mask, scale, self.device)
        if given is not None and prompt.box is None and not len(prompt.points):
            return self._given_mask(features, given)
        dense = None
        if given is not None:
            dense = mask_as_logits(given)[1]
        elif previous is not None:
            dense = corrected_logits(previous[None, None])
        points, labels = prompt_points(prompt, scale)
        prompts = self.network.encode_prompts(
            uploaded(points.astype(np.float32), self.device)[None],
            uploaded(labels, self.device)[None],
            dense,
        )
        reading = self.store.reading_again(row) if correcting else self.store.readings([row])[0]
        conditioned = self._conditioned(features, [row], [reading])
        candidates = self.network.decode(
            features, conditioned, prompts, several or len(labels) <= 1
        )
        return PromptAnswer(candidates)

    def read_mask(
        self,
        features: ImageFeatures,
        mask: DecodedMask,
        scale: ImageScale,
        found: MaskCandidates,
    ) -> PromptAnswer:
        """
        Answer with a mask of another part of the frame, as if it had been given.

        :param scale: of the part of the frame that the features are of.
        :param found: O = C = 1, the candidate that the mask is, for its scores.
        """
        size = self.image_size
        fine = resize_logits(mask.logits[None, None], size, size)[0, 0]
        shown = DecodedMask(fine, mask.scale).onto(scale)
        # A mask smaller than a network pixel keeps the pixels that show most of it.
        given = (shown >= shown.amax().clamp(max=0)).float()
        answer = self._given_mask(features, given[None, None])
        scored = replace(
            answer.candidates, predicted_iou=found.predicted_iou, object_logit=found.object_logit
        )
        return replace(answer, candidates=scored)

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
        Encode memories and pointers of O objects on a frame.

        :param features: of one image, or of O images.
        :param logits: [O, s, s] of their masks.
        :param tokens: [O, D] of their masks.
        :param present: whether the pointer of each is that of an object in the image.
        :param object_logits: where not above 0, the memory is marked as one of absence.
        :param binary: whether to encode the sign of the logits only, for prompted frames.
        :returns: memories [O, N, C_mem] and pointers [O, pointer_channels].
        """
        shown = uploaded(np.array([present, object_logits], dtype=np.float32), self.device)
        size = self.image_size
        memories = []
        for start in range(0, len(logits), LARGEST_BATCH):
            part = slice(start, start + LARGEST_BATCH)
            mask = memory_mask(resize_logits(logits[part, None], size, size), binary)
            embedding = features.embedding
            if len(embedding) > 1:
                embedding = embedding[part]
            memories.append(self.network.encode_memory(embedding, mask, shown[1, part]))
        pointers = self.network.object_pointer(tokens, shown[0])
        return torch.cat(memories) if len(memories) > 1 else memories[0], pointers

    def _conditioned(
        self,
        features: ImageFeatures,
        rows: Sequence[int],
        readings: Sequence[MemoryReading | None],
    ) -> Tensor:
        """Condition the image on what objects of equal layout remember, [1 or O, D, h, w]."""
        read = [reading for reading in readings if reading is not None]
        if not read:
            return self.network.without_memory(features.embedding)
        return self.network.attend_to_memory(features.embedding, self.store.gather(rows, read))

    def _no_prompts(self, count: int, dense: Tensor | None = None) -> PromptEncoding:
        """Return prompts without points for O objects, with ``dense`` if a mask is given."""
        none = torch.zeros((count, 0, 2), device=self.device)
        return self.network.encode_prompts(none, none[..., 0].long(), dense)

    def _given_mask(self, features: ImageFeatures, given: Tensor) -> PromptAnswer:
        """Answer with a given mask [1, 1, S, S]; the decoder only makes its token."""
        prompts = self._no_prompts(1, self.network.encode_mask_prompt(given))
        answer = self.network.decode(features, features.embedding, prompts, several=False)
        candidates = replace(
            answer,
            mask_logits=mask_as_logits(given)[1],
            predicted_iou=torch.ones_like(answer.predicted_iou),
            object_logit=torch.full_like(answer.object_logit, PRESENT_LOGIT),
        )
        return PromptAnswer(candidates, answer.object_logit)


def _layouts(readings: Sequence[MemoryReading | None]) -> list[tuple[int, int] | None]:
    return [None if each is None else each.layout for each in readings]


def joined(parts: Sequence[MaskCandidates]) -> MaskCandidates:
    """Concatenate the candidates of several batches of objects."""
    if len(parts) == 1:
        return parts[0]
    return MaskCandidates(
        torch.cat([part.mask_logits for part in parts]),
        torch.cat([part.predicted_iou for part in parts]),
        torch.cat([part.tokens for part in parts]),
        torch.cat([part.object_logit for part in parts]),
    )
