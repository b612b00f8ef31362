# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Objects of a whole recording, propagated in one direction with prompts from past and future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.stretch import Stretch
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.mask_images import network_mask
from sam_tracker.networks.masks import mask_as_logits
from sam_tracker.networks.runtime import Runtime
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.closer_look.focus import Focus
from sam_tracker.tracking.corrections import keeps_most
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.inference import Inference
from sam_tracker.tracking.memory.bank import MemoryBank
from sam_tracker.tracking.motion.mask_selector import MaskSelector
from sam_tracker.tracking.prompting import Prompting
from sam_tracker.tracking.propagation import Propagation
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import Track
from sam_tracker.tracking.tracked_object import TrackedObject


@dataclass(frozen=True, eq=False)
class ConditioningFrame:
    """One object on a frame on which it was prompted, with the memory of that frame."""

    held: TrackedObject
    memory: Tensor
    """[1, N, C_mem]."""
    pointer: Tensor
    """[1, pointer_channels]."""

    @property
    def track(self) -> Track:
        """The object on that frame."""
        return self.held.newest


@dataclass(frozen=True, eq=False)
class StretchState:
    """Progress of a stretch, and the state that its next frame needs."""

    stretch: Stretch
    held: TrackedObject
    """Without its track."""
    bank: MemoryBank
    memories: Tensor
    pointers: Tensor


class OfflineTracker:
    """
    Propagates stretches of one direction, all objects of a frame in one batch.

    Unlike ``Tracker``, it reads memories of prompted frames that are still to come, as SAM 2 does
    with a whole video. Frames have numbers; times run backwards where the direction does, so that
    motion models need not know of it. Objects ignore each other, whatever ``exclusive`` says, so
    that a correction of one changes no other.
    """

    def __init__(
        self,
        network: VideoNetwork,
        settings: TrackerSettings,
        runtime: Runtime | None = None,
    ) -> None:
        """
        Begin without objects.

        :param network: in evaluation mode, on the device to be used; never changed.
        :param settings: ``conditioning_memories`` bounds the prompted frames that a stretch reads.
        :param runtime: the precision; left out: that of the weights.
        """
        self._settings = settings = replace(settings, exclusive=False)
        self._inferring = runtime.inference if runtime is not None else torch.inference_mode
        self._network = network
        self._inference = Inference(network, settings, runtime)
        self._propagation = Propagation(self._inference, settings)
        self._prompting = Prompting(self._inference, settings)
        self._prompted: dict[int, dict[int, ConditioningFrame]] = {}
        self._active: dict[Stretch, TrackedObject] = {}

    @property
    def active(self) -> Sequence[Stretch]:
        """The stretches that are being propagated."""
        return list(self._active)

    def prompt(self, number: int, frame: Frame, prompts: Mapping[int, ObjectPrompts]) -> None:
        """
        Decode the prompts of objects on one frame.

        A prompt that stands alone is decoded without any memory, a correction from the mask that
        it corrects and with the memories of prompts that stand alone, see ``ObjectPrompts.basis``.

        :param number: of the frame in the recording.
        :param prompts: by object id; of corrected objects the prompts that stand alone were
            decoded before.
        :raises PromptError: a prompt does not fit the image, or a correction contradicts itself.
        """
        cached = self._cached(frame, frame.stamp)
        for object_id, each in prompts.items():
            alone = each.by_frame[number].stands_alone
            basis = () if alone else each.basis(number)
            try:
                answer = self._answer(object_id, each, number, frame, cached, basis)
            except PromptError:
                if len(basis) < 2:
                    raise
                # It was accepted before there were later prompts, with which it is read now.
                basis = (each.defining,)
                answer = self._answer(object_id, each, number, frame, cached, basis)
            self._prompted.setdefault(object_id, {})[number] = answer

    def prompted(self, object_id: int, number: int) -> ConditioningFrame:
        """Return an object on a frame on which it was prompted."""
        return self._prompted[object_id][number]

    def begin(self, stretch: Stretch) -> None:
        """
        Start a stretch; the next step is its first frame.

        All its prompted frames were given to ``prompt``, and all active stretches have its
        direction.
        """
        store = self._inference.store
        row = store.add()
        for frame in stretch.conditioning:
            each = self._prompted[stretch.object_id][frame]
            if frame == stretch.start:
                store.condition(row, each.memory, each.pointer)
            else:
                number = (frame - stretch.start) * stretch.direction
                store.condition_at(row, number, each.memory, each.pointer)
        self._active[stretch] = self._at_prompt(stretch, stretch.start, row)

    def step(self, number: int, frame: Frame) -> dict[Stretch, Track]:
        """
        Propagate all active stretches to the next frame in their direction.

        A stretch that ends with this frame is no longer active afterwards.

        :param number: of the frame in the recording.
        """
        store = self._inference.store
        stretches = list(self._active)
        if not stretches:
            return {}
        cached = self._cached(frame, frame.stamp * stretches[0].direction)
        propagated = [each for each in stretches if number not in each.conditioning]
        tracks: dict[Stretch, Track] = {}
        for stretch in stretches:
            if number in stretch.conditioning:
                row = self._active[stretch].row
                store.skip(row)
                self._active[stretch] = self._at_prompt(stretch, number, row)
                tracks[stretch] = self._active[stretch].newest
        if propagated:
            by_row = {self._active[stretch].row: stretch for stretch in propagated}
            with self._inferring():
                proposal = self._propagation.propose(
                    [self._active[stretch] for stretch in propagated], frame, cached, None
                )
                concluded = self._propagation.conclude(proposal, {})
            for held in concluded:
                stretch = by_row[held.row]
                self._active[stretch] = replace(held, track=None)
                tracks[stretch] = held.newest
        for stretch in stretches:
            if number == stretch.end:
                store.remove(self._active.pop(stretch).row)
        return tracks

    def states(self) -> list[StretchState]:
        """Return the state that ``restore`` needs, on the host."""
        states = []
        for stretch, held in self._active.items():
            bank, memories, pointers = self._inference.store.row_state(held.row)
            state = replace(held, track=None)
            states.append(StretchState(stretch, state, bank, memories.cpu(), pointers.cpu()))
        return states

    def restore(self, states: Sequence[StretchState]) -> None:
        """Continue from the result of ``states``."""
        for state in states:
            row = self._inference.store.restore(state.bank, state.memories, state.pointers)
            self._active[state.stretch] = replace(state.held, row=row)

    def _answer(
        self,
        object_id: int,
        prompts: ObjectPrompts,
        number: int,
        frame: Frame,
        cached: CachedFrame,
        basis: Sequence[int],
    ) -> ConditioningFrame:
        """
        Decode the prompt of an object on a frame.

        :param basis: frames of prompts that a correction is read with.
        :raises PromptError: as ``prompt``.
        """
        prompt, store = prompts.by_frame[number], self._inference.store
        valid = prompt.prompt.validate(frame.width, frame.height, refining=not prompt.stands_alone)
        row = store.add()
        held = TrackedObject(
            object_id=object_id,
            label=prompts.label,
            row=row,
            selector=MaskSelector(self._settings),
            stamp=frame.stamp,
            image_size=cached.image_size,
        )
        try:
            with self._inferring():
                if prompt.corrected is None:
                    held = self._prompting.apply(held, frame, cached, valid)
                else:
                    for other in basis:
                        known = self._prompted[object_id][other]
                        store.condition_at(row, other - number, known.memory, known.pointer)
                    held = self._refined(held, frame, cached, valid, prompt.corrected)
            memory, pointer = store.conditioned(row)
        finally:
            store.remove(row)
        return ConditioningFrame(held, memory, pointer)

    def _refined(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        mask: NDArray[np.bool_],
    ) -> TrackedObject:
        """Return an object as points correct a mask [H, W], which may be empty."""
        previous, keeping = None, False
        extent = Prompt(mask=mask).extent
        if extent is not None:
            given = network_mask(mask, cached.scale, self._network.device)
            previous = DecodedMask(mask_as_logits(given)[1][0, 0], cached.scale)
            keeping = keeps_most(prompt, extent)
        return self._prompting.refine(held, frame, cached, prompt, previous, keeping)

    def _at_prompt(self, stretch: Stretch, number: int, row: int) -> TrackedObject:
        """Return an object on a prompted frame, in the time of a stretch."""
        held = self._prompted[stretch.object_id][number].held
        assert held.stamp is not None
        stamp, box, focus = held.stamp * stretch.direction, held.newest.network_box, held.focus
        if focus is not None and box is not None:
            focus = Focus.on(box, held.image_size, stamp)
        return replace(held, row=row, stamp=stamp, focus=focus)

    def _cached(self, frame: Frame, stamp: int) -> CachedFrame:
        return CachedFrame(stamp, self._network.scale(frame.width, frame.height))
