# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Propagates objects from one frame to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
from sam_tracker.core.homography import moved_box
from sam_tracker.networks.api import ImageFeatures
from sam_tracker.networks.batching import LARGEST_BATCH
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.networks.upload import uploaded
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.candidates import (
    chosen_masks,
    decided,
    measured_boxes,
    measured_intersections,
)
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.decoded_mask import (
    ABSENT,
    DecodedMask,
    areas_in_common,
    without_lost_pixels,
)
from sam_tracker.tracking.detached_parts import detached_parts
from sam_tracker.tracking.inference import Inference
from sam_tracker.tracking.overlaps import Claim, resolve_overlaps, support
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.sighting import Sighting
from sam_tracker.tracking.tracked_object import TrackedObject

ANOTHER_LOGIT = -10.0
"""Object logit with which the memory of a mask of something else is marked as one of absence."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """The masks chosen for O objects on a frame; nothing is stored yet."""

    frame: CachedFrame
    objects: list[TrackedObject]
    """As they are expected on the frame."""
    decisions: list[Decision]
    logits: Tensor
    """[O, s, s] of the chosen masks; without a pixel where they show something else."""
    shown: Tensor
    """[O, s, s] of the chosen masks, whatever they show."""
    tokens: Tensor
    """[O, D] of the chosen masks."""
    intersections: NDArray[np.float64] | None
    """[O, O] of the chosen masks, as in ``Measurements``; None: not measured."""
    features: ImageFeatures
    """Features of one image, or for each object of the part that it was decoded from."""
    scales: list[ImageScale]
    """For each object, of the part of the image that it was decoded from."""

    def mask(self, index: int) -> DecodedMask:
        """Return the mask chosen for an object."""
        return DecodedMask(self.logits[index], self.scales[index])


class Propagation:
    """
    Propagates objects to frames.

    Objects are values: new ones are returned, and their memory is written last, so that a failure
    changes nothing. The list of objects is kept by the tracker.
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
        Choose the masks of objects, each of which has a memory, on a frame.

        :param cached: of the same frame.
        :param previous: the frame before, from which the camera's motion is counted.
        """
        order = self._inference.order([held.row for held in objects])
        objects = [_seen_from(objects[index], frame, previous) for index in order]
        views = self._views(objects, cached)
        features = self._inference.views.encode(cached, frame.pixels, views)
        candidates = self._inference.track(features, [held.row for held in objects])
        expected = [
            held.at(cached, _camera_motion(held, frame, cached, previous)) for held in objects
        ]
        scales = [self._inference.views.scale(cached, view) for view in views]
        overlapping = self._settings.exclusive and len(expected) > 1 and _all_equal(scales)
        candidates, measured = self._inference.measured(
            features, candidates, scales, cached, overlapping
        )
        decisions = [
            held.recognised(decided(held.selector, measured, index, self._settings.presence_logit))
            for index, held in enumerate(expected)
        ]
        chosen = [decision.choice.index for decision in decisions]
        intersections = measured.intersections
        if intersections is not None:
            count = candidates.predicted_iou.shape[1]
            rows = [index * count + number for index, number in enumerate(chosen)]
            intersections = intersections[np.ix_(rows, rows)]
        shown, tokens = chosen_masks(candidates, chosen)
        if self._settings.drop_detached_parts:
            kept = self._without_detached_parts(expected, decisions, shown, cached, scales)
            if kept is not None:
                (decisions, shown), intersections = kept, None
        logits = shown
        given_up = [index for index, each in enumerate(decisions) if each.given_up]
        if given_up:
            index = uploaded(np.array(given_up, dtype=np.int64), logits.device)
            logits = shown.index_fill(0, index, ABSENT)
            if intersections is not None:
                intersections[given_up] = intersections[:, given_up] = 0
        return Proposal(
            cached, expected, decisions, logits, shown, tokens, intersections, features, scales
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
                ANOTHER_LOGIT if each.duplicate_of or each.given_up else each.object_logit
                for each in decisions
            ],
            binary=False,
        )
        bounds = [each.bound if each.seen else None for each in decisions]
        images = MaskImages(logits, bounds, proposal.scales)
        objects = [
            held.updated(decision).reported(decision, frame, images, index)
            for index, (held, decision) in enumerate(zip(proposal.objects, decisions, strict=True))
        ]
        rows = [held.row for held in objects]
        facts = [
            held.facts_of(decision, frame)
            for held, decision in zip(proposal.objects, decisions, strict=True)
        ]
        self._inference.store.remember(rows, facts, *memories)
        return objects

    def revise(self, held: TrackedObject, seen: Sighting, confirmed: bool) -> TrackedObject:
        """
        Rewrite the memory of an object's newest frame after its mask there was verified.

        :param seen: the object's mask on that frame.
        :param confirmed: whether the mask is the object's; if not, the frame is remembered as one
            of absence; its motion and the window it is looked for in are those before the frame.
        :returns: the object, which is distrusted unless the mask is its own.
        """
        facts, logits, logit = seen.facts, seen.mask.logits, seen.facts.object_logit
        if not confirmed:
            facts, logit = replace(facts, object_logit=-math.inf, area=0.0), ANOTHER_LOGIT
            logits = torch.full_like(logits, ABSENT)
            held = replace(held, selector=seen.selector, focus=seen.focus)
        memories = self._inference.memories(
            seen.features, logits[None], seen.token[None], [confirmed], [logit], binary=False
        )
        self._inference.store.revise(held.row, facts, *memories)
        return replace(held, distrusted=not confirmed)

    def _without_detached_parts(
        self,
        objects: Sequence[TrackedObject],
        decisions: Sequence[Decision],
        logits: Tensor,
        cached: CachedFrame,
        scales: Sequence[ImageScale],
    ) -> tuple[list[Decision], Tensor] | None:
        """
        Drop the detached parts of the chosen masks [O, s, s].

        :returns: the decisions for the masks that are left, and these; None: nothing is dropped.
        """
        dropped: dict[int, NDArray[np.bool_]] = {}
        for index, (held, decision) in enumerate(zip(objects, decisions, strict=True)):
            expected = held.expected_region(cached)
            if expected is None or decision.shapes is None or not decision.seen:
                continue
            mask, scale = decision.shapes.mask, scales[index]
            # Network pixels count from the centre of the first one, cells from its corner.
            corners = scale.points_to_network(expected.reshape(2, 2)) + 0.5
            parts = detached_parts(mask, corners.ravel() * len(mask) / scale.network_size)
            if parts is not None:
                dropped[index] = parts
        if not dropped:
            return None
        cells = np.zeros(logits.shape, dtype=np.bool_)
        for index, parts in dropped.items():
            cells[index] = parts
        logits = logits.masked_fill(uploaded(cells, logits.device), ABSENT)
        kept = self._bounded(decisions, logits, dropped, scales, cached)
        for index, parts in dropped.items():
            decision = kept[index].without(parts)
            choice = objects[index].selector.scored_again(decision.choice)
            kept[index] = replace(decision, choice=choice)
        return kept, logits

    def _views(self, objects: Sequence[TrackedObject], cached: CachedFrame) -> list[Region]:
        """Return the part of the frame that each object is looked for in."""
        if not self._settings.closer_look:
            return [cached.whole] * len(objects)
        size = self._inference.image_size
        return [
            cached.whole
            if held.focus is None or held.focus.image_size != cached.image_size
            else held.focus.region(cached.stamp, size)
            for held in objects
        ]

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
        decisions = proposal.decisions
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
        losers = [index for index, _ in resolution.losses]
        kept = self._bounded(decisions, logits, losers, proposal.scales, proposal.frame)
        for index in losers:
            kept[index] = replace(kept[index], duplicate_of=resolution.duplicate_of[index])
        return logits, kept

    def _bounded(
        self,
        decisions: Sequence[Decision],
        logits: Tensor,
        cut: Iterable[int],
        scales: Sequence[ImageScale],
        cached: CachedFrame,
    ) -> list[Decision]:
        """Return decisions with the new boxes of those masks [O, s, s] that were cut."""
        boxes, bounds = measured_boxes(logits, self._inference.image_size, LARGEST_BATCH)
        bounded = list(decisions)
        for index in cut:
            box = scales[index].boxes_to(cached.scale, boxes[index])
            bounded[index] = bounded[index].bounded_by(box, bounds[index])
        return bounded


def _all_equal(scales: Sequence[ImageScale]) -> bool:
    return all(scale == scales[0] for scale in scales)


def _seen_from(held: TrackedObject, frame: Frame, previous: CachedFrame | None) -> TrackedObject:
    """Return an object that is looked for where the camera's motion has carried it."""
    motion, focus = frame.camera_motion, held.focus
    if motion is None or focus is None or previous is None or held.stamp != previous.stamp:
        return held
    box = None if held.seen_box is None else moved_box(motion, held.seen_box)
    return replace(held, focus=focus.seen_after(motion), seen_box=box)


def _camera_motion(
    held: TrackedObject, frame: Frame, cached: CachedFrame, previous: CachedFrame | None
) -> NDArray[np.float64] | None:
    """Return the camera's motion in network pixels since an object's newest frame, if known."""
    if frame.camera_motion is None or previous is None or held.stamp != previous.stamp:
        return None
    before, now = previous.scale.matrix, cached.scale.matrix
    return np.asarray(now @ frame.camera_motion @ np.linalg.inv(before))
