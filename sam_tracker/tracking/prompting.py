# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts applied to objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
import math

import numpy as np

from sam_tracker.core.boxes import Box, Region, box_iou
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.networks.api import ImageFeatures, MaskCandidates
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import Measurements, chosen_masks, decided, measured_boxes
from sam_tracker.tracking.closer_look.focus import Focus, box_window
from sam_tracker.tracking.corrections import LITTLE_CHANGE, agreement, mask_to_keep
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.inference import Inference, PromptAnswer
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracked_object import TrackedObject

FIT_TOLERANCE = 0.1
"""How much less a mask of a closer look may overlap the box that it was looked for in."""
WIDER = 1.4
"""Side of the second window that a correction is decoded in, in sides of the first."""


@dataclass(frozen=True, eq=False)
class PromptDecision:
    """The answer to a prompt on one part of a frame."""

    prompt: Prompt
    decision: Decision
    candidates: MaskCandidates
    measured: Measurements
    answer: PromptAnswer
    features: ImageFeatures
    scale: ImageScale
    several: bool
    """Whether the prompt left a choice of masks."""


class Prompting:
    """
    Applies prompts to objects, on the part of the frame that shows the prompted object best.

    Objects are values: a new one is returned, and its memory is written last, so that a failure
    changes nothing.
    """

    def __init__(self, inference: Inference, settings: TrackerSettings) -> None:
        self._inference = inference
        self._settings = settings

    def apply(
        self, held: TrackedObject, frame: Frame, cached: CachedFrame, prompt: Prompt
    ) -> TrackedObject:
        """
        Return an object as a prompt has it.

        On the object's newest frame the prompt corrects its track; on any other it starts anew
        from there, with the memory it has.

        :raises PromptError: the network's answer contradicts the prompt that refines an object.
        """
        correcting = held.track is not None and held.stamp == cached.stamp
        previous = None
        if correcting and held.newest.state is TrackState.TRACKED:
            previous = held.newest.decoded_mask
        cumulative = self._settings.cumulative_prompts
        prompted = held.at_prompt(cached, prompt, cumulative)
        if held.track is None or not cumulative:
            answered = self._closest(prompted, frame, cached, prompt, correcting, previous)
        else:
            kept = mask_to_keep(prompt, held.newest) if previous is not None else None
            answered = self._agreeing(prompted, frame, cached, prompt, correcting, previous, kept)
        return self._concluded(prompted, cached, answered, correcting)

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

        :param previous: the mask to correct; None: the object was not found.
        :param keeping: whether the points ask to keep that mask for the most part.
        :raises PromptError: the network's answer contradicts the prompt.
        """
        prompted = held.at_prompt(cached, prompt, cumulative=True)
        kept = previous if keeping else None
        answered = self._agreeing(prompted, frame, cached, prompt, False, previous, kept)
        return self._concluded(prompted, cached, answered, correcting=False)

    def _concluded(
        self, held: TrackedObject, cached: CachedFrame, answered: PromptDecision, correcting: bool
    ) -> TrackedObject:
        """Remember the frame of a prompt, and return the object with its track there."""
        settings, store = self._settings, self._inference.store
        decision, candidates = answered.decision, answered.candidates
        features, answer = answered.features, answered.answer
        logits, tokens = chosen_masks(candidates, [decision.choice.index])
        # Measured already but for a given mask: reading it here would wait for the device again.
        pointed = decision.object_logit if answer.pointed is None else float(answer.pointed.cpu())
        memories = self._inference.memories(
            features,
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
        held = held.reported(decision, cached, images, 0).seen_as(decision.appearance)
        if correcting:
            store.correct(held.row, decision.facts, *memories)
        else:
            store.condition(held.row, *memories)
        return held

    def _prompt_view(
        self, prompt: Prompt, cached: CachedFrame, previous: DecodedMask | None
    ) -> Region:
        """Return the part of the frame that a prompt is decoded on first."""
        if not self._settings.closer_look:
            return cached.whole
        extent = prompt.extent
        if extent is None:
            known = None if previous is None else previous.scale.region
            return known if known is not None and prompt.lies_in(known) else cached.whole
        return self._window(extent, cached, prompt)

    def _closer_view(self, answered: PromptDecision, cached: CachedFrame) -> Region:
        """Return the part of the frame in which an answer on the whole image is repeated."""
        view, box = answered.scale.region, _box(answered, cached)
        if not self._settings.closer_look or view != cached.whole or box is None:
            return view
        # A box or a mask says how large the object is; the answer may be a part of it.
        if answered.prompt.extent is not None:
            return view
        return self._window(box, cached, answered.prompt)

    def _window(self, box: Box, cached: CachedFrame, prompt: Prompt) -> Region:
        """Return a window around a box [4] that holds a prompt, or else the whole image."""
        focus = Focus.on(box, cached.image_size, cached.stamp)
        view = focus.region(cached.stamp, self._inference.image_size)
        return view if prompt.lies_in(view) else cached.whole

    def _agreeing(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        correcting: bool,
        previous: DecodedMask | None,
        kept: DecodedMask | None,
    ) -> PromptDecision:
        """
        Return an answer that agrees with a prompt that refines an object.

        The network starts from the mask before, and a close look at it is enough if it agrees.
        When another answer contradicts the prompt or changes much, the network is asked again
        without that mask; of answers that agree, the one that changes less is taken.

        :param held: with all its prompts on the frame.
        :param kept: the mask that the prompt asks to keep for the most part, if any.
        :raises PromptError: no answer agrees.
        """
        best, most, contradiction = None, -1.0, ''
        for answered, enough in self._answers(held, frame, cached, prompt, correcting, previous):
            logits, measured = answered.candidates.mask_logits[0], answered.measured
            agreed = agreement(logits, answered.scale, prompt, kept)
            wrong = [agreed.contradiction(index) for index in range(len(logits))]
            if all(wrong):
                contradiction = contradiction or wrong[answered.decision.choice.index]
                continue
            affinities = np.where([text == '' for text in wrong], measured.affinities, -math.inf)
            decision = decided(
                held.selector,
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
                f'object {held.object_id} stays as it was, since the answer contradicts the'
                f' prompt: {contradiction}'
            )
        return best

    def _answers(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        correcting: bool,
        previous: DecodedMask | None,
    ) -> Iterator[tuple[PromptDecision, float]]:
        """
        Ask for one answer after the other to a prompt that refines an object.

        :returns: each, and the IoU with the mask before from which it needs no other beside it.
        """
        if prompt.mask is not None:
            yield self._closest(held, frame, cached, prompt, correcting, None), LITTLE_CHANGE
            return
        assert held.prompt is not None
        if previous is not None and correcting:
            repaired = self._repaired(held, frame, cached, held.prompt, previous)
            if repaired is not None:
                yield repaired, 0.0
        for start in [None] if previous is None else [previous, None]:
            answered = self._closest(held, frame, cached, held.prompt, correcting, start)
            yield answered, LITTLE_CHANGE

    def _repaired(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        previous: DecodedMask,
    ) -> PromptDecision | None:
        """
        Decode points that correct a prompted mask in two windows, and use the mean of both.

        A click means a detail, which needs a close look; the errors that come from where and how
        large the network sees the object differ between windows. Of several candidates in a window
        the best is nearer to the truth than the single mask that SAM 2 decodes for several points.

        :returns: None where memories are read, which match at their own scale only, or where a
            window shows no more than the usual view or not all points.
        """
        size = self._inference.image_size
        if not self._settings.closer_look or prompt.mask is not None or not len(prompt.points):
            return None
        if self._inference.store.reading_again(held.row) is not None:
            return None
        box = prompt.box
        if box is None:
            (bound,), _ = measured_boxes(previous.logits[None], size, LARGEST_BATCH)
            box = previous.scale.box_to_image(bound)
        assert box is not None, 'a mask has the extent of a network pixel at least'
        view = self._prompt_view(prompt, cached, previous)
        close = box_window(box, cached.image_size, size)
        wide = box_window(box, cached.image_size, size, WIDER)
        if close.width * close.height >= view.width * view.height or not prompt.lies_in(close):
            return None
        # These parts of the frame are used once; their encodings are not kept.
        passing = replace(cached, features={})
        first, second = (
            self._answered(held, frame, passing, prompt, part, True, previous, several=True)
            for part in (close, wide)
        )
        if not first.decision.seen or not second.decision.seen:
            return None
        logits = (_mask(first).logits + _mask(second).onto(first.scale)) / 2
        mask, scale = DecodedMask(logits, first.scale), self._inference.scale(cached, view)
        features = self._inference.encode(cached, frame.pixels, [view])
        return self._shown(held, cached, first, mask, features, scale)

    def _closest(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        correcting: bool,
        previous: DecodedMask | None,
    ) -> PromptDecision:
        """Decode a prompt on the part of the frame that shows the prompted object best."""
        view = self._prompt_view(prompt, cached, previous)
        answered = self._answered(held, frame, cached, prompt, view, correcting, previous)
        closer = self._closer_view(answered, cached)
        if closer != view:
            answered = self._answered(held, frame, cached, prompt, closer, correcting, previous)
        if prompt.mask is not None or not self._settings.closer_look:
            return answered
        return self._outlined(held, frame, cached, answered, correcting, previous)

    def _outlined(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        answered: PromptDecision,
        correcting: bool,
        previous: DecodedMask | None,
    ) -> PromptDecision:
        """
        Decode a prompt closely, and use the mask as a given one on the object's part of the frame.

        The first mask is what all later ones are compared with: it is worth a second encoding.
        What a closer look finds may be a part of the object, which then fits its box badly.

        :param answered: what the prompt is answered with there.
        :param previous: the mask that the prompt corrects.
        :returns: the same where a closer look shows no more.
        """
        prompt, view = answered.prompt, answered.scale.region
        box, start = prompt.box, previous
        if box is None:
            # Points alone do not say how large the object is, but the answer to them does.
            box, start = _box(answered, cached), _mask(answered)
        if box is None:
            return answered
        closer = box_window(box, cached.image_size, self._inference.image_size)
        if closer.width * closer.height >= view.width * view.height or not prompt.lies_in(closer):
            return answered
        # This part of the frame is looked at once; its encoding is not kept.
        passing = replace(cached, features={})
        fine = self._answered(held, frame, passing, prompt, closer, correcting, start)
        if _fit(fine, box, cached) < _fit(answered, box, cached) - FIT_TOLERANCE:
            return answered
        # Another candidate of the usual view may follow a point that this mask leaves out.
        if not fine.decision.seen or not _follows_points(fine):
            return answered
        shown = self._shown(held, cached, fine, _mask(fine), answered.features, answered.scale)
        return replace(shown, several=answered.several)

    def _shown(
        self,
        held: TrackedObject,
        cached: CachedFrame,
        fine: PromptDecision,
        mask: DecodedMask,
        features: ImageFeatures,
        scale: ImageScale,
    ) -> PromptDecision:
        """
        Return what a closer look found as an answer on the object's usual part of the frame.

        :param fine: the closer look, for its scores.
        :param mask: what it found.
        :param features: of the usual part.
        :param scale: of the same.
        """
        chosen, found = fine.decision.choice.index, fine.candidates
        scores = replace(found, predicted_iou=found.predicted_iou[:, chosen : chosen + 1])
        taken = self._inference.read_mask(features, mask, scale, scores)
        return self._decided(held, cached, fine.prompt, features, scale, taken)

    def _answered(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        view: Region,
        correcting: bool,
        previous: DecodedMask | None,
        several: bool = False,
    ) -> PromptDecision:
        """
        Decode a prompt on a part of the frame and choose its mask.

        :param several: whether to choose among several masks even for a box or several points.
        """
        scale = self._inference.scale(cached, view)
        features = self._inference.encode(cached, frame.pixels, [view])
        logits = None if previous is None else previous.onto(scale)
        answer = self._inference.read_prompt(
            features, prompt, scale, held.row, correcting, logits, several
        )
        return self._decided(held, cached, prompt, features, scale, answer)

    def _decided(
        self,
        held: TrackedObject,
        cached: CachedFrame,
        prompt: Prompt,
        features: ImageFeatures,
        scale: ImageScale,
        answer: PromptAnswer,
    ) -> PromptDecision:
        """Choose one of the masks that a prompt is answered with."""
        candidates, measured = self._inference.measured(
            features, answer.candidates, [scale], cached
        )
        decision = decided(held.selector, measured, 0, self._settings.presence_logit)
        several = candidates.predicted_iou.shape[1] > 1
        return PromptDecision(
            prompt, decision, candidates, measured, answer, features, scale, several
        )


def _mask(answered: PromptDecision) -> DecodedMask:
    """Return the mask that was chosen of an answer."""
    logits, _ = chosen_masks(answered.candidates, [answered.decision.choice.index])
    return DecodedMask(logits[0], answered.scale)


def _follows_points(answered: PromptDecision) -> bool:
    """Return whether the mask that was chosen has each point of its prompt on the right side."""
    logits = _mask(answered).logits[None]
    return bool(agreement(logits, answered.scale, answered.prompt, None).followed.all())


def _box(answered: PromptDecision, cached: CachedFrame) -> Box | None:
    """Return the box [4] of an answer in pixels of the image; None where nothing was seen."""
    decision = answered.decision
    return cached.scale.box_to_image(decision.choice.box) if decision.seen else None


def _fit(answered: PromptDecision, box: Box, cached: CachedFrame) -> float:
    """Return the IoU of an answer's box with a box [4] of the image; 0 where nothing was seen."""
    found = _box(answered, cached)
    return 0.0 if found is None else float(box_iou(found, box))
