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

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import MaskCandidates
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import (
    Measurements,
    chosen_masks,
    measure,
    measured_boxes,
    measured_intersections,
    without_lost_pixels,
)
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.inference import LARGEST_BATCH, Inference
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
        features = self._inference.encode(cached, frame.pixels)
        order, candidates = self._inference.track(features, [held.row for held in objects])
        expected = [
            held.at(cached, _camera_motion(held, frame, cached, previous))
            for held in (objects[index] for index in order)
        ]
        overlapping = self._settings.exclusive and len(expected) > 1
        candidates, measured = self._measured(candidates, overlapping)
        decisions = [self._decision(held, measured, index) for index, held in enumerate(expected)]
        chosen = [decision.choice.index for decision in decisions]
        intersections = measured.intersections
        if intersections is not None:
            count = candidates.predicted_iou.shape[1]
            rows = [index * count + number for index, number in enumerate(chosen)]
            intersections = intersections[np.ix_(rows, rows)]
        logits, tokens = chosen_masks(candidates, chosen)
        return Proposal(cached, expected, decisions, logits, tokens, intersections)

    def conclude(
        self,
        proposal: Proposal,
        sharing: Mapping[int, Collection[int]],
        standing: Mapping[int, Tensor] = MappingProxyType({}),
    ) -> list[TrackedObject]:
        """
        Resolve overlaps, remember the frame, and return the objects with their tracks.

        :param sharing: by the id of an object the ids of those it may share pixels with.
        :param standing: masks [s, s] by id of objects that are already on the frame; they keep
            their pixels.
        """
        frame = proposal.frame
        logits, decisions = self._resolved(proposal, sharing, standing)
        assert frame.features is not None, 'a proposal is made on an encoded frame'
        memories = self._inference.memories(
            frame.features,
            logits,
            proposal.tokens,
            present=[each.present and not each.duplicate_of for each in decisions],
            object_logits=[
                DUPLICATE_LOGIT if each.duplicate_of else each.object_logit for each in decisions
            ],
            binary=False,
        )
        images = MaskImages(
            logits, [each.bound if each.seen else None for each in decisions], frame.scale
        )
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
        """
        settings, store = self._settings, self._inference.store
        features = self._inference.encode(cached, frame.pixels)
        correcting = held.track is not None and held.stamp == cached.stamp
        previous = None
        if correcting and held.newest.state is TrackState.TRACKED:
            previous = held.newest.logits
        answer = self._inference.read_prompt(
            features, prompt, cached.scale, held.row, correcting, previous
        )
        candidates, measured = self._measured(answer.candidates, intersecting=False)
        held = held.at_prompt(cached)
        decision = self._decision(held, measured, 0)
        logits, tokens = chosen_masks(candidates, [decision.choice.index])
        memories = self._inference.memories(
            features,
            logits,
            tokens,
            present=[float(answer.pointed) > settings.presence_logit],
            object_logits=[decision.object_logit],
            binary=settings.binarise_prompted_masks,
        )
        images = MaskImages(logits, [decision.bound if decision.seen else None], cached.scale)
        # A box, several clicks or a mask leave no choice; then the motion starts one frame later.
        chosen = candidates.predicted_iou.shape[1] > 1
        held = held.updated(decision, learning=chosen)
        held = held.reported(decision, cached, images, 0)
        if correcting:
            store.correct(held.row, decision.facts, *memories)
        else:
            store.condition(held.row, *memories)
        return held

    def _measured(
        self, candidates: MaskCandidates, intersecting: bool
    ) -> tuple[MaskCandidates, Measurements]:
        return measure(
            candidates,
            self._settings.presence_logit,
            self._inference.image_size,
            LARGEST_BATCH,
            intersecting,
        )

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
        standing: Mapping[int, Tensor],
    ) -> tuple[Tensor, list[Decision]]:
        """
        Let the better supported objects keep the pixels that several claim.

        :returns: [O, s, s] what each object keeps, and their decisions.
        """
        decisions, logits = list(proposal.decisions), proposal.logits
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
            logits = torch.cat((logits, torch.stack(list(standing.values()))))
            intersections = measured_intersections(logits)
            claims += [Claim(object_id, math.inf, standing) for object_id in standing]
        if intersections is None:
            return proposal.logits, decisions
        resolution = resolve_overlaps(claims, intersections, self._settings.duplicate_share)
        if not resolution.losses:
            return proposal.logits, decisions
        logits = without_lost_pixels(logits, resolution)[: len(decisions)]
        boxes, bounds = measured_boxes(logits, self._inference.image_size, LARGEST_BATCH)
        for index, _ in resolution.losses:
            decision = decisions[index]
            decisions[index] = replace(
                decision,
                choice=replace(decision.choice, box=boxes[index]),
                bound=bounds[index],
                duplicate_of=resolution.duplicate_of[index],
            )
        return logits, decisions


def _camera_motion(
    held: TrackedObject, frame: Frame, cached: CachedFrame, previous: CachedFrame | None
) -> NDArray[np.float64] | None:
    """Return the camera's motion in network pixels since an object's newest frame, if known."""
    if frame.camera_motion is None or previous is None or held.stamp != previous.stamp:
        return None
    before, now = previous.scale.matrix, cached.scale.matrix
    return np.asarray(now @ frame.camera_motion @ np.linalg.inv(before))
