# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes one prompt on the part of its frame that shows the prompted object best."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sam_tracker.core.boxes import Box, Region, box_iou
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import ImageFeatures, MaskCandidates
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import Measurements, chosen_masks, decided, measured_boxes
from sam_tracker.tracking.closer_look.focus import Focus, box_window
from sam_tracker.tracking.corrections import agreement
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.inference import Inference, PromptAnswer
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracked_object import TrackedObject

FIT_TOLERANCE = 0.1
"""IoU with its box that a closer look may lose against the usual view and still be used."""
WIDER = 1.4
"""Side of the second window that a correction is decoded in, in sides of the first."""


@dataclass(frozen=True, eq=False)
class PromptedFrame:
    """An object on the frame of a prompt, before the prompt is decoded."""

    held: TrackedObject
    """With all its prompts on the frame."""
    frame: Frame
    cached: CachedFrame
    """Features of the same frame."""
    prompt: Prompt
    """What to decode."""
    correcting: bool
    """Whether this is the object's newest frame, which is decoded again."""
    previous: DecodedMask | None
    """The mask that the prompt corrects, if any."""

    def without_cache(self) -> PromptedFrame:
        """Return the same with no features kept, for parts of the frame that are used once."""
        return replace(self, cached=replace(self.cached, features={}))


@dataclass(frozen=True, eq=False)
class PromptDecision:
    """The answer to a prompt on one part of a frame."""

    prompt: Prompt
    decision: Decision
    candidates: MaskCandidates
    measured: Measurements
    answer: PromptAnswer
    features: ImageFeatures
    """Features of that part."""
    scale: ImageScale
    """How that part maps to the network's input."""
    several: bool
    """Whether the prompt left a choice of masks."""

    @property
    def mask(self) -> DecodedMask:
        """The chosen mask."""
        logits, _ = chosen_masks(self.candidates, [self.decision.choice.index])
        return DecodedMask(logits[0], self.scale)

    @property
    def follows_points(self) -> bool:
        """Whether the chosen mask has each point of the prompt on the right side."""
        logits = self.mask.logits[None]
        return bool(agreement(logits, self.scale, self.prompt, None).followed.all())

    def box_on(self, cached: CachedFrame) -> Box | None:
        """Return the box [4] of the chosen mask in image pixels; None: nothing was seen."""
        decision = self.decision
        return cached.scale.box_to_image(decision.choice.box) if decision.seen else None

    def overlap(self, box: Box, cached: CachedFrame) -> float:
        """Return the IoU of the chosen mask's box with a box [4] in image pixels; 0: not seen."""
        found = self.box_on(cached)
        return 0.0 if found is None else float(box_iou(found, box))


class PromptDecoder:
    """Decodes prompts, without changing any memory."""

    def __init__(self, inference: Inference, settings: TrackerSettings) -> None:
        self._inference = inference
        self._settings = settings

    def decode(self, asked: PromptedFrame) -> PromptDecision:
        """Decode a prompt on the part of the frame that shows the prompted object best."""
        view = self._view(asked)
        answered = self._answered(asked, view)
        closer = self._closer_view(asked, answered)
        if closer != view:
            answered = self._answered(asked, closer)
        if asked.prompt.mask is not None or not self._settings.closer_look:
            return answered
        return self._outlined(asked, answered)

    def decode_correction(self, asked: PromptedFrame) -> PromptDecision | None:
        """
        Decode points that correct a prompted mask in two windows, and use the mean of both.

        A click means a detail, which needs a close look; the errors that come from where and how
        large the network sees the object differ between windows. Of several candidates in a window
        the best is nearer to the truth than the single mask that SAM 2 decodes for several points.

        :returns: None where memories are read, which match at their own scale only, or where a
            window shows no more than the usual view or not all points.
        """
        prompt, previous, cached = asked.prompt, asked.previous, asked.cached
        if previous is None or not asked.correcting or not self._settings.closer_look:
            return None
        if prompt.mask is not None or not len(prompt.points):
            return None
        if self._inference.store.reading_again(asked.held.row) is not None:
            return None
        size = self._inference.image_size
        box = prompt.box
        if box is None:
            (bound,), _ = measured_boxes(previous.logits[None], size, LARGEST_BATCH)
            box = previous.scale.box_to_image(bound)
        assert box is not None, 'a mask has the extent of a network pixel at least'
        view = self._view(asked)
        close = box_window(box, cached.image_size, size)
        wide = box_window(box, cached.image_size, size, WIDER)
        if not _shows_more(close, view) or not prompt.lies_in(close):
            return None
        passing = asked.without_cache()
        first, second = (self._answered(passing, window, several=True) for window in (close, wide))
        if not first.decision.seen or not second.decision.seen:
            return None
        logits = (first.mask.logits + second.mask.onto(first.scale)) / 2
        mask, scale = DecodedMask(logits, first.scale), self._inference.views.scale(cached, view)
        features = self._inference.views.encode(cached, asked.frame.pixels, [view])
        return self._shown(asked, first, mask, features, scale)

    def _view(self, asked: PromptedFrame) -> Region:
        """Return the part of the frame that a prompt is decoded on first."""
        prompt, cached, previous = asked.prompt, asked.cached, asked.previous
        if not self._settings.closer_look:
            return cached.whole
        extent = prompt.extent
        if extent is None:
            known = None if previous is None else previous.scale.region
            return known if known is not None and prompt.lies_in(known) else cached.whole
        return self._window(asked, extent)

    def _closer_view(self, asked: PromptedFrame, answered: PromptDecision) -> Region:
        """Return the part of the frame in which an answer on the whole image is repeated."""
        view, box = answered.scale.region, answered.box_on(asked.cached)
        if not self._settings.closer_look or view != asked.cached.whole or box is None:
            return view
        # A box or a mask says how large the object is; the answer may be a part of it.
        if asked.prompt.extent is not None:
            return view
        return self._window(asked, box)

    def _window(self, asked: PromptedFrame, box: Box) -> Region:
        """Return a window around a box [4] that holds the prompt, or else the whole image."""
        cached = asked.cached
        focus = Focus.on(box, cached.image_size, cached.stamp)
        view = focus.region(cached.stamp, self._inference.image_size)
        return view if asked.prompt.lies_in(view) else cached.whole

    def _outlined(self, asked: PromptedFrame, answered: PromptDecision) -> PromptDecision:
        """
        Decode a prompt closely, and use the mask as a given one on the object's part of the frame.

        The first mask is what all later ones are compared with: it is worth a second encoding.
        What a closer look finds may be a part of the object, which then fits its box badly.

        :param answered: the answer on the object's part of the frame.
        :returns: the same where a closer look shows no more.
        """
        prompt, cached = asked.prompt, asked.cached
        box, start = prompt.box, asked.previous
        if box is None:
            # Points alone do not say how large the object is, but the answer to them does.
            box, start = answered.box_on(cached), answered.mask
        if box is None:
            return answered
        closer = box_window(box, cached.image_size, self._inference.image_size)
        if not _shows_more(closer, answered.scale.region) or not prompt.lies_in(closer):
            return answered
        fine = self._answered(replace(asked.without_cache(), previous=start), closer)
        if fine.overlap(box, cached) < answered.overlap(box, cached) - FIT_TOLERANCE:
            return answered
        # Another candidate of the usual view may follow a point that this mask leaves out.
        if not fine.decision.seen or not fine.follows_points:
            return answered
        shown = self._shown(asked, fine, fine.mask, answered.features, answered.scale)
        return replace(shown, several=answered.several)

    def _shown(
        self,
        asked: PromptedFrame,
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
        return self._decided(asked, features, scale, taken)

    def _answered(
        self, asked: PromptedFrame, view: Region, several: bool = False
    ) -> PromptDecision:
        """
        Decode a prompt on a part of the frame and choose its mask.

        :param several: whether to choose among several masks even for a box or several points.
        """
        scale = self._inference.views.scale(asked.cached, view)
        features = self._inference.views.encode(asked.cached, asked.frame.pixels, [view])
        logits = None if asked.previous is None else asked.previous.onto(scale)
        answer = self._inference.read_prompt(
            features, asked.prompt, scale, asked.held.row, asked.correcting, logits, several
        )
        return self._decided(asked, features, scale, answer)

    def _decided(
        self,
        asked: PromptedFrame,
        features: ImageFeatures,
        scale: ImageScale,
        answer: PromptAnswer,
    ) -> PromptDecision:
        """Choose one of the masks that a prompt is answered with."""
        candidates, measured = self._inference.measured(
            features, answer.candidates, [scale], asked.cached
        )
        decision = decided(asked.held.selector, measured, 0, self._settings.presence_logit)
        several = candidates.predicted_iou.shape[1] > 1
        return PromptDecision(
            asked.prompt, decision, candidates, measured, answer, features, scale, several
        )


def _shows_more(window: Region, view: Region) -> bool:
    """Return whether a window shows its part of the frame at a higher resolution than a view."""
    return window.width * window.height < view.width * view.height
