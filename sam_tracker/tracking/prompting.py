# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Applies prompts to objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import math

import numpy as np

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import chosen_masks, decided
from sam_tracker.tracking.corrections import LITTLE_CHANGE, agreement, mask_to_keep
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.inference import Inference
from sam_tracker.tracking.prompt_decoder import PromptDecision, PromptDecoder, PromptedFrame
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracked_object import TrackedObject


class Prompting:
    """
    Applies prompts to objects.

    Objects are values: a new one is returned, and its memory is written last, so that a failure
    changes nothing.
    """

    def __init__(self, inference: Inference, settings: TrackerSettings) -> None:
        self._inference = inference
        self._settings = settings
        self._decoder = PromptDecoder(inference, settings)

    def apply(
        self, held: TrackedObject, frame: Frame, cached: CachedFrame, prompt: Prompt
    ) -> TrackedObject:
        """
        Return an object as a prompt has it.

        On the object's newest frame the prompt corrects its track; on any other it starts anew
        from there, with the memory it has.

        :param cached: of the same frame.
        :raises PromptError: the network's answer contradicts the prompt that refines an object.
        """
        correcting = held.track is not None and held.stamp == cached.stamp
        previous = None
        if correcting and held.newest.state is TrackState.TRACKED:
            previous = held.newest.decoded_mask
        cumulative = self._settings.cumulative_prompts
        prompted = held.at_prompt(cached, prompt, cumulative)
        asked = PromptedFrame(prompted, frame, cached, prompt, correcting, previous)
        if held.track is None or not cumulative:
            return self._concluded(asked, self._decoder.decode(asked))
        kept = mask_to_keep(prompt, held.newest) if previous is not None else None
        return self._concluded(asked, self._agreeing(asked, kept))

    def refine(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        previous: DecodedMask | None,
        keeping: bool,
    ) -> TrackedObject:
        """
        Return an object as points correct a mask that was found elsewhere.

        The memory of its row is read, and the frame becomes a conditioning one.

        :param cached: of the same frame.
        :param previous: the mask to correct; None: the object was not found.
        :param keeping: whether the points ask to keep that mask for the most part.
        :raises PromptError: the network's answer contradicts the prompt.
        """
        prompted = held.at_prompt(cached, prompt, cumulative=True)
        asked = PromptedFrame(prompted, frame, cached, prompt, False, previous)
        return self._concluded(asked, self._agreeing(asked, previous if keeping else None))

    def _concluded(self, asked: PromptedFrame, answered: PromptDecision) -> TrackedObject:
        """Remember the frame of a prompt, and return the object with its track there."""
        settings, store = self._settings, self._inference.store
        held, decision, answer = asked.held, answered.decision, answered.answer
        logits, tokens = chosen_masks(answered.candidates, [decision.choice.index])
        # Measured already but for a given mask: reading it here would wait for the device again.
        pointed = decision.object_logit if answer.pointed is None else float(answer.pointed.cpu())
        memories = self._inference.memories(
            answered.features,
            logits,
            tokens,
            present=[pointed > settings.presence_logit],
            object_logits=[decision.object_logit],
            binary=settings.binarise_prompted_masks,
        )
        bounds = [decision.bound if decision.seen else None]
        images = MaskImages(logits, bounds, [answered.scale])
        # A box, several clicks or a mask leave no choice; then the motion starts one frame later.
        held = held.updated(decision, learning=answered.several)
        held = held.reported(decision, asked.cached, images, 0).seen_as(decision.appearance)
        if asked.correcting:
            store.correct(held.row, decision.facts, *memories)
        else:
            store.condition(held.row, *memories)
        return held

    def _agreeing(self, asked: PromptedFrame, kept: DecodedMask | None) -> PromptDecision:
        """
        Return an answer that agrees with a prompt that refines an object.

        The network starts from the mask before, and a close look at it is enough if it agrees.
        When another answer contradicts the prompt or changes much, the network is asked again
        without that mask; of answers that agree, the one that changes less is taken.

        :param asked: with the newest prompt alone.
        :param kept: the mask that the prompt asks to keep for the most part, if any.
        :raises PromptError: no answer agrees.
        """
        best, most, contradiction = None, -1.0, ''
        for answered, enough in self._answers(asked):
            logits, measured = answered.candidates.mask_logits[0], answered.measured
            agreed = agreement(logits, answered.scale, asked.prompt, kept)
            wrong = [agreed.contradiction(index) for index in range(len(logits))]
            if all(wrong):
                contradiction = contradiction or wrong[answered.decision.choice.index]
                continue
            affinities = np.where([text == '' for text in wrong], measured.affinities, -math.inf)
            decision = decided(
                asked.held.selector,
                replace(measured, affinities=affinities),
                0,
                self._settings.presence_logit,
            )
            overlap = agreed.overlaps[decision.choice.index]
            if overlap > most:
                best, most = replace(answered, decision=decision), overlap
            if most >= enough:
                break
        if best is None:
            raise PromptError(
                f'object {asked.held.object_id} stays as it was, since the answer contradicts the'
                f' prompt: {contradiction}'
            )
        return best

    def _answers(self, asked: PromptedFrame) -> Iterator[tuple[PromptDecision, float]]:
        """
        Ask for one answer after the other to a prompt that refines an object.

        :returns: each, and the IoU with the mask before from which it needs no other beside it.
        """
        if asked.prompt.mask is not None:
            yield self._decoder.decode(replace(asked, previous=None)), LITTLE_CHANGE
            return
        assert asked.held.prompt is not None
        asked = replace(asked, prompt=asked.held.prompt)
        if (corrected := self._decoder.decode_correction(asked)) is not None:
            yield corrected, 0.0
        yield self._decoder.decode(asked), LITTLE_CHANGE
        if asked.previous is not None:
            yield self._decoder.decode(replace(asked, previous=None)), LITTLE_CHANGE
