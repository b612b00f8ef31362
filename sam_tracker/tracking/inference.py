# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the network for a tracker: decode objects, decode a prompt, encode memories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale, prompt_points
from sam_tracker.core.frame import Pixels
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
from sam_tracker.networks.upload import FrameUpload, uploaded
from sam_tracker.tracking.appearance import appearances
from sam_tracker.tracking.cached_frame import CachedFrame, Encoding, View
from sam_tracker.tracking.candidates import Measurements, measure
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.memory.bank import MemoryReading
from sam_tracker.tracking.memory.store import MemoryStore
from sam_tracker.tracking.settings import TrackerSettings

PRESENT_LOGIT = 10.0
"""Object logit of a frame that certainly shows the object."""
CELL = 4
"""Pixels of the network's input to a cell of its logits, as ``networks.api`` has it."""
MOST_VIEWS = 8
"""Encodings that a frame keeps besides those just asked for: prompts may ask for ever more."""


@dataclass(frozen=True)
class PromptAnswer:
    """What the network answers to a prompt for one object."""

    candidates: MaskCandidates
    """O = 1; C is 3 for a single click, which may mean a part or the whole, else 1."""
    pointed: Tensor | None = None
    """
    [1], object logit that decides whether the object pointer is one of absence; None: that of the
    candidates.
    """


class Inference:
    """Runs one network for the objects of one tracker; no policy. Sizes as in ``networks.api``."""

    def __init__(
        self,
        network: VideoNetwork,
        settings: TrackerSettings,
        runtime: Runtime | None,
        small: VideoNetwork | None = None,
    ) -> None:
        """
        Begin without objects.

        :param small: the same weights with a smaller input.
        """
        self.network = network
        self.small = small
        self.device = network.device
        self.image_size = network.image_size
        memory_type = torch.bfloat16 if runtime is None else runtime.memory_type
        self.store = MemoryStore(network.memory_layout, settings, self.device, memory_type)
        self._presence_logit = settings.presence_logit
        self._familiarity = settings.familiarity
        self._drop_detached_parts = settings.drop_detached_parts
        self._upload = FrameUpload(self.device)

    def change(self, settings: TrackerSettings) -> None:
        """Use other settings from now on."""
        self._presence_logit = settings.presence_logit
        self._familiarity = settings.familiarity
        self._drop_detached_parts = settings.drop_detached_parts
        self.store.change(settings)

    def encode(self, frame: CachedFrame, pixels: Pixels, views: Sequence[View]) -> list[Encoding]:
        """
        Return the encodings of parts of a frame, each of which is computed the first time only.

        :param pixels: of the frame.
        :param views: for each of O objects what it is decoded from.
        :returns: O, the very same for objects of one view.
        """
        missing = [view for view in dict.fromkeys(views) if view not in frame.encodings]
        if missing:
            image = self._upload(pixels)
            for batch in batches([view.small for view in missing]):
                self._encode(frame, image, [missing[index] for index in batch])
            for view in list(frame.encodings)[:-MOST_VIEWS]:
                if view.region != frame.whole and view not in views:
                    del frame.encodings[view]
        return [frame.encodings[view] for view in views]

    def _encode(self, frame: CachedFrame, image: Tensor, views: Sequence[View]) -> None:
        """Encode views of one input and an image [1, H, W, 3], and keep them with the frame."""
        small = views[0].small
        network = self._network(small)
        inputs = [
            network.preprocess(image[:, view.region.slices[0], view.region.slices[1]])
            for view in views
        ]
        encoded = network.encode_image(torch.cat(inputs) if len(inputs) > 1 else inputs[0])
        for index, view in enumerate(views):
            part = image_features(encoded, slice(index, index + 1))
            # A view of the batch would keep the batch for as long as it is kept itself.
            frame.encodings[view] = Encoding(part if len(views) == 1 else _copied(part), small)

    def _network(self, small: bool) -> VideoNetwork:
        if not small:
            return self.network
        assert self.small is not None, 'objects are small only where there is a network for them'
        return self.small

    def _groups(
        self, encodings: Sequence[Encoding]
    ) -> Iterator[tuple[slice, VideoNetwork, ImageFeatures]]:
        """Split O encodings into batches of one input; features are of one image or of each."""
        start = 0
        for small, members in groupby(encodings, key=lambda each: each.small):
            group = list(members)
            for part in (
                group[first : first + LARGEST_BATCH]
                for first in range(0, len(group), LARGEST_BATCH)
            ):
                yield slice(start, start + len(part)), self._network(small), together(part)
                start += len(part)

    def scale(self, frame: CachedFrame, view: Region) -> ImageScale:
        """Return how a part of a frame maps to the usual input of the network."""
        if view == frame.whole:
            return frame.scale
        return replace(self.network.scale(view.width, view.height), origin=(view.x, view.y))

    def measured(
        self,
        encodings: Sequence[Encoding],
        candidates: MaskCandidates,
        scales: Sequence[ImageScale],
        frame: CachedFrame,
        intersecting: bool = False,
    ) -> tuple[MaskCandidates, Measurements]:
        """
        Measure candidates as ``candidates.measure`` does.

        :param encodings: that each object's candidates were decoded from.
        :param scales: for each object, of the part of the frame that it was decoded from.
        :returns: the candidates, and their measurements; boxes are in network pixels of the whole
            image.
        """
        candidates, measured = measure(
            candidates,
            self._presence_logit,
            self.image_size,
            LARGEST_BATCH,
            intersecting,
            self.store.compares_candidates or self._drop_detached_parts,
            None if self._familiarity is None else partial(self._appearances, encodings),
        )
        boxes = [
            scale.boxes_to(frame.scale, boxes)
            for scale, boxes in zip(scales, measured.boxes, strict=True)
        ]
        cells = self.image_size / candidates.mask_logits.shape[-1]
        areas = [cells**2 * np.prod(scale.pixel) for scale in scales]
        return candidates, replace(measured, boxes=np.stack(boxes), cell_areas=np.array(areas))

    def _appearances(self, encodings: Sequence[Encoding], mask_logits: Tensor) -> Tensor:
        """[O, C, s, s] to [O, C, D]."""
        parts = [
            appearances(features, mask_logits[part])
            for part, _, features in self._groups(encodings)
        ]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def track(
        self, encodings: Sequence[Encoding], rows: Sequence[int]
    ) -> tuple[list[int], MaskCandidates]:
        """
        Decode the candidates of O objects, one batch for each layout of memories and each input.

        :param encodings: of what each is decoded from.
        :param rows: of the objects in the store.
        :returns: the order of the objects in the result, and their candidates.
        """
        order: list[int] = []
        decoded: list[MaskCandidates] = []
        readings = self.store.readings(rows)
        layouts = [
            (each.small, None if reading is None else reading.layout)
            for each, reading in zip(encodings, readings, strict=True)
        ]
        for batch in batches(layouts):
            network = self._network(encodings[batch[0]].small)
            shown = together([encodings[index] for index in batch])
            conditioned = self._conditioned(
                network,
                shown,
                [rows[index] for index in batch],
                [readings[index] for index in batch],
            )
            prompts = self._no_prompts(network, len(batch))
            answer = network.decode(shown, conditioned, prompts, several=True)
            decoded.append(self._usual(answer))
            order += batch
        return order, joined(decoded)

    def track_alone(
        self, encoding: Encoding, logits: Tensor, token: Tensor, to: Encoding
    ) -> MaskCandidates:
        """
        Decode the candidates of one object by the memory of one frame and nothing else.

        :param encoding: of the frame that is remembered.
        :param logits: [s, s] of the object's mask there.
        :param token: [D] of that mask.
        :param to: of the frame to decode, at the same input.
        """
        memories, pointers = self.memories(
            [encoding], logits[None], token[None], [True], [PRESENT_LOGIT], binary=False
        )
        position = torch.full(
            (1, 1), self.network.memory_layout.conditioning_position, device=self.device
        )
        network, shown = self._network(to.small), to.features
        memories = memories[:, : network.memory_layout.tokens]
        memory = Memory(memories[:, None], position, pointers[:, None], pointers.new_ones((1, 1)))
        conditioned = network.attend_to_memory(shown.embedding, memory)
        prompts = self._no_prompts(network, 1)
        return self._usual(network.decode(shown, conditioned, prompts, several=True))

    def read_prompt(
        self,
        encoding: Encoding,
        prompt: Prompt,
        scale: ImageScale,
        row: int,
        correcting: bool,
        previous: Tensor | None,
    ) -> PromptAnswer:
        """
        Decode a prompt for one object.

        :param encoding: of what it is decoded from.
        :param row: the object's row in the store.
        :param correcting: whether this is the object's newest frame, which is decoded again.
        :param previous: [s, s] logits of the mask that the prompt corrects, if any.
        """
        network, features = self._network(encoding.small), encoding.features
        scale = replace(scale, network_size=network.image_size)
        given = None if prompt.mask is None else network_mask(prompt.mask, scale, self.device)
        if given is not None and prompt.box is None and not len(prompt.points):
            return self._given_mask(encoding, given)
        dense = None
        if given is not None:
            dense = mask_as_logits(given)[1]
        elif previous is not None:
            dense = corrected_logits(previous[None, None])
            if encoding.small:
                side = network.image_size * len(previous) // self.image_size
                dense = resize_logits(dense, side, side)
        points, labels = prompt_points(prompt, scale)
        prompts = network.encode_prompts(
            uploaded(points.astype(np.float32), self.device)[None],
            uploaded(labels, self.device)[None],
            dense,
        )
        reading = self.store.reading_again(row) if correcting else self.store.readings([row])[0]
        conditioned = self._conditioned(network, features, [row], [reading])
        candidates = network.decode(features, conditioned, prompts, several=len(labels) <= 1)
        return PromptAnswer(self._usual(candidates))

    def read_mask(
        self,
        encoding: Encoding,
        mask: DecodedMask,
        scale: ImageScale,
        found: MaskCandidates,
    ) -> PromptAnswer:
        """
        Answer with a mask of another part of the frame, as if it had been given.

        :param encoding: of that part.
        :param scale: of the same.
        :param found: O = C = 1, the candidate that the mask is, for its scores.
        """
        size = self._network(encoding.small).image_size
        fine = resize_logits(mask.logits[None, None], size, size)[0, 0]
        shown = DecodedMask(fine, mask.scale).onto(scale)
        # A mask smaller than a network pixel keeps the pixels that show most of it.
        given = (shown >= shown.amax().clamp(max=0)).float()
        answer = self._given_mask(encoding, given[None, None])
        scored = replace(
            answer.candidates, predicted_iou=found.predicted_iou, object_logit=found.object_logit
        )
        return replace(answer, candidates=scored)

    def memories(
        self,
        encodings: Sequence[Encoding],
        logits: Tensor,
        tokens: Tensor,
        present: Sequence[bool],
        object_logits: Sequence[float],
        binary: bool,
    ) -> tuple[Tensor, Tensor]:
        """
        Encode memories and pointers of O objects on a frame.

        :param encodings: of what they were decoded from.
        :param logits: [O, s, s] of their masks.
        :param tokens: [O, D] of their masks.
        :param present: whether the pointer of each is that of an object in the image.
        :param object_logits: where not above 0, the memory is marked as one of absence.
        :param binary: whether to encode the sign of the logits only, for prompted frames.
        :returns: memories [O, N, C_mem], those of the small input with tokens of zeros at their
            end, and pointers [O, pointer_channels].
        """
        shown = uploaded(np.array([present, object_logits], dtype=np.float32), self.device)
        memories = []
        for part, network, features in self._groups(encodings):
            size = network.image_size
            mask = memory_mask(resize_logits(logits[part, None], size, size), binary)
            memory = network.encode_memory(features.embedding, mask, shown[1, part])
            missing = self.network.memory_layout.tokens - memory.shape[1]
            memories.append(F.pad(memory, (0, 0, 0, missing)) if missing else memory)
        pointers = self.network.object_pointer(tokens, shown[0])
        return torch.cat(memories) if len(memories) > 1 else memories[0], pointers

    def _conditioned(
        self,
        network: VideoNetwork,
        features: ImageFeatures,
        rows: Sequence[int],
        readings: Sequence[MemoryReading | None],
    ) -> Tensor:
        """Condition the image on what objects of equal layout remember, [1 or O, D, h, w]."""
        read = [reading for reading in readings if reading is not None]
        if not read:
            return network.without_memory(features.embedding)
        memory = self.store.gather(rows, read)
        if network is not self.network:
            used = memory.tokens[:, :, : network.memory_layout.tokens]
            memory = replace(memory, tokens=used)
        return network.attend_to_memory(features.embedding, memory)

    def _usual(self, candidates: MaskCandidates) -> MaskCandidates:
        """Return candidates with masks of the side that those of the usual input have."""
        # For all networks four pixels of the input are one cell of the logits.
        side = self.image_size // CELL
        logits = candidates.mask_logits
        if self.small is None or logits.shape[-1] == side:
            return candidates
        return replace(candidates, mask_logits=resize_logits(logits, side, side))

    def _no_prompts(
        self, network: VideoNetwork, count: int, dense: Tensor | None = None
    ) -> PromptEncoding:
        """Return prompts without points for O objects, with ``dense`` if a mask is given."""
        none = torch.zeros((count, 0, 2), device=self.device)
        return network.encode_prompts(none, none[..., 0].long(), dense)

    def _given_mask(self, encoding: Encoding, given: Tensor) -> PromptAnswer:
        """Answer with a given mask [1, 1, S, S]; the decoder only makes its token."""
        network, features = self._network(encoding.small), encoding.features
        prompts = self._no_prompts(network, 1, network.encode_mask_prompt(given))
        answer = network.decode(features, features.embedding, prompts, several=False)
        candidates = replace(
            answer,
            mask_logits=mask_as_logits(given)[1],
            predicted_iou=torch.ones_like(answer.predicted_iou),
            object_logit=torch.full_like(answer.object_logit, PRESENT_LOGIT),
        )
        return PromptAnswer(self._usual(candidates), answer.object_logit)


def together(encodings: Sequence[Encoding]) -> ImageFeatures:
    """Return the features of one image, if all encodings are the same one; else of all."""
    first = encodings[0]
    if all(each is first for each in encodings):
        return first.features
    levels = zip(*(each.features.high_resolution for each in encodings), strict=True)
    return ImageFeatures(
        torch.cat([each.features.embedding for each in encodings]),
        tuple(torch.cat(level) for level in levels),
    )


def image_features(features: ImageFeatures, index: slice) -> ImageFeatures:
    """Return the features of some of several images."""
    return ImageFeatures(
        features.embedding[index], tuple(level[index] for level in features.high_resolution)
    )


def _copied(features: ImageFeatures) -> ImageFeatures:
    return ImageFeatures(
        features.embedding.clone(), tuple(level.clone() for level in features.high_resolution)
    )


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
