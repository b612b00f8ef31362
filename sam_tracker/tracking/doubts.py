# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Verifies masks of doubtful appearance by tracking them backwards.

A mask whose appearance clearly matches its object is accepted, one that clearly does not is
rejected (``appearance``). In between are objects that turn or move into shadow, and things that
pass in front of them. From such a mask the network tracks back to the last image on which the
object was certain: one of the object leads to where the object was then, one of something else to
wherever that was. SENTRY (arXiv 2606.24449) verifies candidates through nine images; here one is
enough, since the mask on that image is known to be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.inference import Inference
from sam_tracker.tracking.propagation import Proposal
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.sighting import Sighting
from sam_tracker.tracking.tracked_object import TrackedObject

PERIOD = 5
"""
Frames from one verification to the next, at least: it costs about half a frame with one object, so
a tenth of the time at most.
"""
CERTAIN_AGAIN = 0.7
"""IoU of a mask that was tracked back, from which on the verified mask counts as certain."""
MOST_ENCODINGS = 8
"""Encoded images that are kept for all objects together; the oldest go first."""


class Doubts:
    """
    The sightings of the objects of one tracker: the last certain one, and a doubtful newest one.

    Bounded: a mask for each object and one more, ``MOST_ENCODINGS`` encodings for all objects and
    one more. None is a view of a larger tensor, which would be kept as long.
    """

    def __init__(self, inference: Inference, settings: TrackerSettings) -> None:
        self.settings = settings
        self._inference = inference
        self._certain: dict[int, Sighting] = {}
        self._doubtful: tuple[int, Sighting] | None = None
        """An object and its mask on the newest frame."""
        self._frame = 0
        """Number of the newest frame."""
        self._verified: dict[int, int] = {}
        """Number of the frame on which an object was last verified."""

    def __bool__(self) -> bool:
        """Whether there is a mask to verify."""
        return self._doubtful is not None

    def observe(self, proposal: Proposal, objects: Sequence[TrackedObject]) -> None:
        """
        Keep the certain masks of a frame, and a doubtful one if it is time to verify one.

        Of several doubtful ones it is that of the object that was not verified for longest.

        :param objects: as they are after the frame, in the order of the proposal.
        """
        self._doubtful, self._frame = None, self._frame + 1
        least, certain = self.settings.familiarity, self.settings.certain_familiarity
        if least is None or certain is None:
            return
        doubtful: dict[int, int] = {}
        for index, (held, decision) in enumerate(zip(objects, proposal.decisions, strict=True)):
            if held.newest.duplicate_of or not decision.familiarity >= least:
                continue
            if decision.familiarity >= certain:
                self._certain[held.object_id] = _sighting(proposal, index)
            else:
                doubtful[held.object_id] = index
        self._drop_old_encodings()
        if self._frame - max(self._verified.values(), default=-PERIOD) < PERIOD:
            return
        known = [number for number in doubtful if number in self._certain]
        if known:
            number = min(known, key=lambda each: self._verified.get(each, -PERIOD))
            self._doubtful = number, _sighting(proposal, doubtful[number])

    def verify(self) -> tuple[int, Sighting, bool]:
        """
        Track the doubtful mask back to where its object was certain.

        There must be one. The device is waited for once, and no image is encoded. If this fails,
        the object is not verified again before its time either.

        :returns: the object's id, the mask, and whether it is the object's.
        """
        assert self._doubtful is not None
        (number, doubtful), self._doubtful = self._doubtful, None
        self._verified[number] = self._frame
        certain = self._certain[number]
        candidates = self._inference.track_alone(
            doubtful.features, doubtful.mask.logits, doubtful.token, certain.features
        )
        # An index of one element stays on the device; a number would be waited for.
        best = candidates.predicted_iou[0].argmax(keepdim=True)
        found = candidates.mask_logits[0].index_select(0, best)[0] > 0
        known = certain.mask.logits > 0
        common, union = torch.stack([(found & known).sum(), (found | known).sum()]).cpu().tolist()
        overlap = common / max(union, 1)
        if overlap >= max(CERTAIN_AGAIN, self.settings.verified_overlap):
            self._certain[number] = doubtful
        return number, doubtful, overlap >= self.settings.verified_overlap

    def forget(self, object_id: int) -> None:
        """Forget an object, which was prompted or removed."""
        self._certain.pop(object_id, None)
        self._verified.pop(object_id, None)
        if self._doubtful is not None and self._doubtful[0] == object_id:
            self._doubtful = None

    def reset(self) -> None:
        """Forget all objects."""
        self._certain.clear()
        self._verified.clear()
        self._doubtful = None

    def _drop_old_encodings(self) -> None:
        newest = sorted(self._certain.items(), key=lambda item: item[1].stamp, reverse=True)
        numbers: dict[int, list[int]] = {}
        for number, each in newest:
            numbers.setdefault(id(each.features.embedding), []).append(number)
        for dropped in list(numbers.values())[MOST_ENCODINGS:]:
            for number in dropped:
                del self._certain[number]


def _sighting(proposal: Proposal, index: int) -> Sighting:
    """Return what a frame shows as one of its objects."""
    frame, held = proposal.frame, proposal.objects[index]
    scale, decision = proposal.scales[index], proposal.decisions[index]
    facts = replace(held.facts_of(decision, frame), object_logit=decision.object_logit)
    if not decision.seen:
        # The mask was given up, and its box with it.
        cell = scale.network_size / proposal.shown.shape[-1]
        box = scale.box_to_image(cell * decision.bound + [0, 0, cell - 1, cell - 1])
        if box is not None:
            facts = held.with_growth(facts, box, frame)
    if decision.shapes is not None:
        facts = replace(facts, area=decision.shapes.area)
    return Sighting(
        stamp=frame.stamp,
        features=frame.features[scale.region],
        mask=DecodedMask(proposal.shown[index].clone(), scale),
        token=proposal.tokens[index].clone(),
        facts=facts,
        selector=held.selector,
        focus=held.focus,
    )
