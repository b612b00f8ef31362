# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Objects from one frame to the next, and onto the mask of a prompt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
import math
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.networks.api import ImageFeatures, MaskCandidates
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import (
    Measurements,
    chosen_masks,
    measure,
    measured_boxes,
    measured_intersections,
)
from sam_tracker.tracking.closer_look.focus import Focus
from sam_tracker.tracking.closer_look.shared_views import shared_views
from sam_tracker.tracking.corrections import LITTLE_CHANGE, agreement, mask_to_keep
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.decoded_mask import (
    DecodedMask,
    areas_in_common,
    without_lost_pixels,
)
from sam_tracker.tracking.inference import Inference, PromptAnswer, image_features
from sam_tracker.tracking.overlaps import Claim, resolve_overlaps, support
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracked_object import TrackedObject

DUPLICATE_LOGIT = -10.0
"""Object logit with which the memory of a duplicate is marked as one of absence."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """The masks chosen for O objects on a frame; nothing is stored yet."""

    frame: CachedFrame
    objects: list[TrackedObject]
    """As they are expected on the frame."""
    decisions: list[Decision]
    logits: Tensor
    """[O, s, s] of the chosen masks."""
    tokens: Tensor
    """[O, D] of the chosen masks."""
    intersections: NDArray[np.float64] | None
    """[O, O] of the chosen masks, as in ``Measurements``; None: not measured."""
    features: ImageFeatures
    """Of one image, or of what each object was decoded from."""
    scales: list[ImageScale]
    """For each object, of the part of the image that it was decoded from."""

    def mask(self, index: int) -> DecodedMask:
        """Return the mask chosen for an object."""
        return DecodedMask(self.logits[index], self.scales[index])


@dataclass(frozen=True, eq=False)
class PromptDecision:
    """What a prompt is answered with on one part of a frame."""

    prompt: Prompt
    decision: Decision
    candidates: MaskCandidates
    measured: Measurements
    answer: PromptAnswer
    features: ImageFeatures
    scale: ImageScale


class Propagation:
    """
    Propagates objects to frames and applies prompts to them.

    Objects are values: new ones are returned, and their memory is written last, so that a failure
    changes nothing. Which objects there are is the tracker's affair.
    """

    def __init__(self, inference: Inference, settings: TrackerSettings) -> None:
        self._inference = inference
        self._settings = settings

    def propose(
        self,
        objects: Sequence[TrackedObject],
        frame: Frame,
        cached: CachedFrame,
        previous: CachedFrame | None,
    ) -> Proposal:
        """
        Choose the masks of objects, each with a past, on a frame.

        :param cached: of the same frame.
        :param previous: the frame before, from which the camera's motion is counted.
        """
        views = self._views(objects, cached)
        features = self._inference.encode(cached, frame.pixels, views)
        order, candidates = self._inference.track(features, [held.row for held in objects])
        expected = [
            held.at(cached, _camera_motion(held, frame, cached, previous))
            for held in (objects[index] for index in order)
        ]
        scales = [self._scale(cached, views[index]) for index in order]
        if len(features.embedding) > 1:
            features = image_features(features, order)
        overlapping = self._settings.exclusive and len(expected) > 1 and _all_equal(scales)
        candidates, measured = self._measured(candidates, overlapping, scales, cached)
        decisions = [self._decision(held, measured, index) for index, held in enumerate(expected)]
        chosen = [decision.choice.index for decision in decisions]
        intersections = measured.intersections
        if intersections is not None:
            count = candidates.predicted_iou.shape[1]
            rows = [index * count + number for index, number in enumerate(chosen)]
            intersections = intersections[np.ix_(rows, rows)]
        logits, tokens = chosen_masks(candidates, chosen)
        return Proposal(
            cached, expected, decisions, logits, tokens, intersections, features, scales
        )

    def conclude(
        self,
        proposal: Proposal,
        sharing: Mapping[int, Collection[int]],
        standing: Mapping[int, DecodedMask] = MappingProxyType({}),
    ) -> list[TrackedObject]:
        """
        Resolve overlaps, remember the frame, and return the objects with their tracks.

        :param sharing: by the id of an object the ids of those it may share pixels with.
        :param standing: masks by id of objects that are already on the frame; they keep
            their pixels.
        """
        frame = proposal.frame
        logits, decisions = self._resolved(proposal, sharing, standing)
        memories = self._inference.memories(
            proposal.features,
            logits,
            proposal.tokens,
            present=[each.present and not each.duplicate_of for each in decisions],
            object_logits=[
                DUPLICATE_LOGIT if each.duplicate_of else each.object_logit for each in decisions
            ],
            binary=False,
        )
        bounds = [each.bound if each.seen else None for each in decisions]
        images = MaskImages(logits, bounds, proposal.scales)
        objects = [
            held.updated(decision).reported(decision, frame, images, index)
            for index, (held, decision) in enumerate(zip(proposal.objects, decisions, strict=True))
        ]
        rows, facts = [held.row for held in objects], [each.facts for each in decisions]
        self._inference.store.remember(rows, facts, *memories)
        return objects

    def apply_prompt(
        self, held: TrackedObject, frame: Frame, cached: CachedFrame, prompt: Prompt
    ) -> TrackedObject:
        """
        Return an object as a prompt has it.

        On the object's newest frame the prompt corrects its track; on any other it starts anew
        from there, with the memory it has.

        :raises PromptError: the network's answer contradicts the prompt that refines an object.
        """
        settings, store = self._settings, self._inference.store
        correcting = held.track is not None and held.stamp == cached.stamp
        previous = None
        if correcting and held.newest.state is TrackState.TRACKED:
            previous = held.newest.decoded_mask
        prompted = held.at_prompt(cached, prompt, settings.cumulative_prompts)
        if held.track is None or not settings.cumulative_prompts:
            answered = self._closest(prompted, frame, cached, prompt, correcting, previous)
        else:
            kept = mask_to_keep(prompt, held.newest) if previous is not None else None
            answered = self._agreeing(prompted, frame, cached, prompt, correcting, previous, kept)
        held, decision, candidates = prompted, answered.decision, answered.candidates
        features, answer = answered.features, answered.answer
        logits, tokens = chosen_masks(candidates, [decision.choice.index])
        memories = self._inference.memories(
            features,
            logits,
            tokens,
            present=[float(answer.pointed) > settings.presence_logit],
            object_logits=[decision.object_logit],
            binary=settings.binarise_prompted_masks,
        )
        bounds = [decision.bound if decision.seen else None]
        images = MaskImages(logits, bounds, [answered.scale])
        # A box, several clicks or a mask leave no choice; then the motion starts one frame later.
        chosen = candidates.predicted_iou.shape[1] > 1
        held = held.updated(decision, learning=chosen)
        held = held.reported(decision, cached, images, 0)
        if correcting:
            store.correct(held.row, decision.facts, *memories)
        else:
            store.condition(held.row, *memories)
        return held

    def _scale(self, cached: CachedFrame, view: Region) -> ImageScale:
        if view == cached.whole:
            return cached.scale
        scale = self._inference.network.scale(view.width, view.height)
        return replace(scale, origin=(view.x, view.y))

    def _views(self, objects: Sequence[TrackedObject], cached: CachedFrame) -> list[Region]:
        """Return the part of the frame that each object is looked for in."""
        if not self._settings.closer_look:
            return [cached.whole] * len(objects)
        size = self._inference.image_size
        wanted = [
            cached.whole
            if held.focus is None or held.focus.image_size != cached.image_size
            else held.focus.region(cached.stamp, size)
            for held in objects
        ]
        return shared_views(wanted, self._settings.views_at_most)

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
        focus = Focus.on(extent, cached.image_size, cached.stamp)
        view = focus.region(cached.stamp, self._inference.image_size)
        return view if prompt.lies_in(view) else cached.whole

    def _closer_view(self, answered: PromptDecision, cached: CachedFrame) -> Region:
        """Return the part of the frame in which an answer on the whole image is repeated."""
        view, decision = answered.scale.region, answered.decision
        box = cached.scale.box_to_image(decision.choice.box) if decision.seen else None
        if not self._settings.closer_look or view != cached.whole or box is None:
            return view
        focus = Focus.on(box, cached.image_size, cached.stamp)
        closer = focus.region(cached.stamp, self._inference.image_size)
        return closer if answered.prompt.lies_in(closer) else view

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

        The network starts from the mask before. When the answer contradicts the prompt or changes
        much, it is asked again without that mask; of answers that agree with the prompt, the one
        that changes less is taken.

        :param held: with all that was said about it on the frame.
        :param kept: the mask that the prompt asks to keep for the most part, if any.
        :raises PromptError: no answer agrees.
        """
        assert held.said is not None
        asked = held.said
        starts = [None] if previous is None else [previous, None]
        if prompt.mask is not None:
            asked, starts = prompt, [None]
        best, most, contradiction = None, -1.0, ''
        for start in starts:
            answered = self._closest(held, frame, cached, asked, correcting, start)
            logits, measured = answered.candidates.mask_logits[0], answered.measured
            agreed = agreement(logits, answered.scale, prompt, kept)
            wrong = [agreed.contradiction(index) for index in range(len(logits))]
            if all(wrong):
                contradiction = contradiction or wrong[answered.decision.choice.index]
                continue
            affinities = np.where([text == '' for text in wrong], measured.affinities, -math.inf)
            decision = self._decision(held, replace(measured, affinities=affinities), 0)
            overlap = agreed.overlaps[decision.choice.index]
            if overlap > most:
                best, most = replace(answered, decision=decision), overlap
            if most >= LITTLE_CHANGE:
                break
        if best is None:
            raise PromptError(
                f'object {held.object_id} stays as it was, since the answer contradicts the'
                f' prompt: {contradiction}'
            )
        return best

    def _closest(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        correcting: bool,
        previous: DecodedMask | None,
    ) -> PromptDecision:
        """Decode a prompt on the part of the frame that shows best what it means."""
        view = self._prompt_view(prompt, cached, previous)
        answered = self._answered(held, frame, cached, prompt, view, correcting, previous)
        closer = self._closer_view(answered, cached)
        if closer == view:
            return answered
        return self._answered(held, frame, cached, prompt, closer, correcting, previous)

    def _answered(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        view: Region,
        correcting: bool,
        previous: DecodedMask | None,
    ) -> PromptDecision:
        """Decode a prompt on a part of the frame and choose its mask."""
        scale = self._scale(cached, view)
        features = self._inference.encode(cached, frame.pixels, [view])
        logits = None if previous is None else previous.onto(scale)
        answer = self._inference.read_prompt(features, prompt, scale, held.row, correcting, logits)
        candidates, measured = self._measured(answer.candidates, False, [scale], cached)
        decision = self._decision(held, measured, 0)
        return PromptDecision(prompt, decision, candidates, measured, answer, features, scale)

    def _measured(
        self,
        candidates: MaskCandidates,
        intersecting: bool,
        scales: Sequence[ImageScale],
        cached: CachedFrame,
    ) -> tuple[MaskCandidates, Measurements]:
        """Measure candidates; their boxes are in network pixels of the whole image."""
        candidates, measured = measure(
            candidates,
            self._settings.presence_logit,
            self._inference.image_size,
            LARGEST_BATCH,
            intersecting,
        )
        boxes = [
            scale.boxes_to(cached.scale, boxes)
            for scale, boxes in zip(scales, measured.boxes, strict=True)
        ]
        return candidates, replace(measured, boxes=np.stack(boxes))

    def _decision(self, held: TrackedObject, measured: Measurements, index: int) -> Decision:
        """Choose the mask of one object."""
        choice = held.selector.choose(measured.affinities[index], measured.boxes[index])
        object_logit = float(measured.object_logits[index])
        return Decision(
            choice=choice,
            object_logit=object_logit,
            bound=measured.bounds[index, choice.index],
            present=object_logit > self._settings.presence_logit,
        )

    def _resolved(
        self,
        proposal: Proposal,
        sharing: Mapping[int, Collection[int]],
        standing: Mapping[int, DecodedMask],
    ) -> tuple[Tensor, list[Decision]]:
        """
        Let the better supported objects keep the pixels that several claim.

        :returns: [O, s, s] what each object keeps, and their decisions.
        """
        decisions = list(proposal.decisions)
        masks = [proposal.mask(index) for index in range(len(decisions))]
        claims = [
            Claim(
                held.object_id,
                support(decision.choice.affinity, decision.choice.motion_score),
                sharing.get(held.object_id, ()),
            )
            for held, decision in zip(proposal.objects, decisions, strict=True)
        ]
        intersections = proposal.intersections
        if standing:
            masks += standing.values()
            claims += [Claim(object_id, math.inf, standing) for object_id in standing]
        if len(masks) == 1 or not self._settings.exclusive:
            return proposal.logits, decisions
        if not _all_equal([mask.scale for mask in masks]):
            boxes = [
                proposal.frame.scale.box_to_image(each.choice.box) if each.seen else None
                for each in decisions
            ]
            everywhere = proposal.frame.whole.box
            intersections = areas_in_common(masks, boxes + [everywhere] * len(standing))
        elif standing or intersections is None:
            intersections = measured_intersections(torch.stack([mask.logits for mask in masks]))
        resolution = resolve_overlaps(claims, intersections, self._settings.duplicate_share)
        if not resolution.losses:
            return proposal.logits, decisions
        logits = without_lost_pixels(masks, resolution)[: len(decisions)]
        kept, bounds = measured_boxes(logits, self._inference.image_size, LARGEST_BATCH)
        for index, _ in resolution.losses:
            decision = decisions[index]
            decisions[index] = replace(
                decision,
                choice=replace(
                    decision.choice,
                    box=masks[index].scale.boxes_to(proposal.frame.scale, kept[index]),
                ),
                bound=bounds[index],
                duplicate_of=resolution.duplicate_of[index],
            )
        return logits, decisions


def _all_equal(scales: Sequence[ImageScale]) -> bool:
    return all(scale == scales[0] for scale in scales)


def _camera_motion(
    held: TrackedObject, frame: Frame, cached: CachedFrame, previous: CachedFrame | None
) -> NDArray[np.float64] | None:
    """Return the camera's motion in network pixels since an object's newest frame, if known."""
    if frame.camera_motion is None or previous is None or held.stamp != previous.stamp:
        return None
    before, now = previous.scale.matrix, cached.scale.matrix
    return np.asarray(now @ frame.camera_motion @ np.linalg.inv(before))
