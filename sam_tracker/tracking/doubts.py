# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Masks that look only half like their object, verified by tracking them backwards.

A mask that clearly looks like its object is believed, one that clearly does not is given up
(``appearance``). In between are objects that turn or move into shadow, and things that pass in
front of them. From such a mask the network tracks back to the last image on which the object was
certain: one of the object leads to where the object was then, one of something else to wherever
that was. SENTRY (arXiv 2606.24449) verifies candidates through nine images; here one is enough,
since the mask on that image is known to be right.
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

PERIOD = 3
"""Frames from one verification of an object to the next, at least."""
CERTAIN_AGAIN = 0.7
"""IoU of a mask that was tracked back, from which on the verified mask is as good as certain."""
MOST_ENCODINGS = 8
"""Encoded images that are kept for all objects together; the oldest go first."""


class Doubts:
    """
    The sightings of the objects of one tracker: the last certain one, and a doubtful newest one.

    Bounded: two masks for each object, and ``MOST_ENCODINGS`` encodings for all.
    """

    def __init__(self, inference: Inference, settings: TrackerSettings) -> None:
        self.settings = settings
        self._inference = inference
        self._certain: dict[int, Sighting] = {}
        self._doubtful: dict[int, Sighting] = {}
        """Of the newest frame."""
        self._pause: dict[int, int] = {}
        """Frames on which an object is not verified, since it was lately."""

    def __bool__(self) -> bool:
        """Whether there is a mask to verify."""
        return bool(self._doubtful)

    def observe(self, proposal: Proposal, objects: Sequence[TrackedObject]) -> None:
        """
        Sort the masks of a frame into certain and doubtful ones.

        :param objects: as they are after the frame, in the order of the proposal.
        """
        doubtful: dict[int, Sighting] = {}
        self._doubtful = doubtful
        least, certain = self.settings.familiarity, self.settings.certain_familiarity
        if least is None or certain is None:
            return
        for index, (held, decision) in enumerate(zip(objects, proposal.decisions, strict=True)):
            number = held.object_id
            pause = self._pause.get(number, 0)
            self._pause[number] = max(pause - 1, 0)
            if held.newest.duplicate_of or not decision.familiarity >= least:
                continue
            if decision.familiarity >= certain:
                self._certain[number] = _sighting(proposal, index)
            elif not pause:
                doubtful[number] = _sighting(proposal, index)
        self._drop_old_encodings()
        self._doubtful = {key: each for key, each in doubtful.items() if key in self._certain}

    def verify(self) -> tuple[int, Sighting, bool]:
        """
        Track one doubtful mask back to where its object was certain.

        There must be one. The device is waited for once, and no image is encoded.

        :returns: the object's id, the mask, and whether it is the object's.
        """
        number, doubtful = self._doubtful.popitem()
        certain = self._certain[number]
        candidates = self._inference.track_alone(
            doubtful.features, doubtful.mask.logits, doubtful.token, certain.features
        )
        best = candidates.predicted_iou[0].argmax()
        found, known = candidates.mask_logits[0, best] > 0, certain.mask.logits > 0
        common, union = torch.stack([(found & known).sum(), (found | known).sum()]).tolist()
        overlap = common / max(union, 1)
        self._pause[number] = PERIOD - 1
        if overlap >= max(CERTAIN_AGAIN, self.settings.verified_overlap):
            self._certain[number] = doubtful
        return number, doubtful, overlap >= self.settings.verified_overlap

    def forget(self, object_id: int) -> None:
        """Forget an object, which was prompted or removed."""
        for kept in (self._certain, self._doubtful, self._pause):
            kept.pop(object_id, None)

    def reset(self) -> None:
        """Forget all objects."""
        for kept in (self._certain, self._doubtful, self._pause):
            kept.clear()

    def _drop_old_encodings(self) -> None:
        for stamp in sorted({each.stamp for each in self._certain.values()}):
            encodings = {id(each.features.embedding) for each in self._certain.values()}
            if len(encodings) <= MOST_ENCODINGS:
                return
            self._certain = {
                number: each for number, each in self._certain.items() if each.stamp != stamp
            }


def _sighting(proposal: Proposal, index: int) -> Sighting:
    """Return what a frame shows as one of its objects."""
    scale, decision = proposal.scales[index], proposal.decisions[index]
    return Sighting(
        stamp=proposal.frame.stamp,
        features=proposal.frame.features[scale.region],
        mask=DecodedMask(proposal.shown[index], scale),
        token=proposal.tokens[index],
        facts=replace(decision.facts, object_logit=decision.object_logit),
        selector=proposal.objects[index].selector,
    )
