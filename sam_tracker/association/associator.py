# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Matches detections with tracked objects and decides what to prompt or remove."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from sam_tracker.association.appearance import Histogram, similarity
from sam_tracker.association.assignment import assigned
from sam_tracker.association.detections import Detections
from sam_tracker.association.outcome import Action, Effect, Outcome
from sam_tracker.association.settings import AssociationSettings
from sam_tracker.association.tentative_objects import SETTLING, Tentative, TentativeObjects
from sam_tracker.association.tracked_objects import (
    Sight,
    TrackedObjects,
    mask_shares,
    same_labels,
)
from sam_tracker.association.votes import Support, Votes
from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.core.time import SECOND

LEARNING_RATE = 0.2
"""Weight of the newest histogram in the running mean of an object's colours."""
EFFECT = SECOND // 2
"""Nanoseconds after the prompt of a missing object within which detections may predate it."""
MARGIN = 0.1
"""How much more similar to a visible object a detection must be than what is tracked as it."""


class Associator:
    """
    Matches the detections of an image with the tracked objects, and returns what to prompt.

    Pairs are found by the IoU of their boxes, times the share of the mask inside the detection, as
    the assignment with the highest sum (Hungarian method). An object that is hidden has the box
    that its motion model predicts. One detection has no effect: ``settings.confirmations`` of
    ``settings.window`` images in a row must agree. Then

    - what nobody tracks is taken for the missing object of the same label that looks most like
      it, wherever that was seen last, and else becomes a new object. An object is missing when it
      is not visible, or when the detector knows it and has not seen it for long where it is
      tracked, and what is tracked there looks less like it. What was detected beside an object
      while that was surely seen is not that object. Colours must be similar;
    - a hidden object that is detected where it is expected is prompted there, if it looks alike;
    - a visible object is corrected where detector and mask contradict each other,

    each as far as the settings allow it. State is bounded by the number of objects. Not
    thread-safe.
    """

    def __init__(self, settings: AssociationSettings) -> None:
        self.settings = settings
        self._tentative = TentativeObjects(settings)
        self._doubts: dict[int, Votes] = {}
        """By object id: whether detections have contradicted the tracker."""
        self._support: dict[int, Support] = {}
        """By object id."""
        self._acted: dict[int, int] = {}
        """By object id: stamp of the last prompt."""
        self._colours: dict[int, Histogram] = {}
        """By object id: what is known of its colours."""
        self._shown: dict[int, Histogram] = {}
        """By object id: the colours of its newest mask that was sampled."""
        self._started: dict[int, int] = {}
        """Objects that detections have started, with the stamp at which they were last seen, or at
        which their removal was asked for."""
        self._starting: list[int] = []
        """Stamps of the prompts that are to start further ones."""

    def configure(self, settings: AssociationSettings) -> None:
        """Change the settings; votes are reset, everything else is kept."""
        if (settings.confirmations, settings.window) != (
            self.settings.confirmations,
            self.settings.window,
        ):
            self._doubts.clear()
            self._support.clear()
        self.settings = settings
        self._tentative.configure(settings)

    def started(self, object_id: int, stamp: int) -> None:
        """
        Remember that a detection has started an object.

        :param stamp: of the image that the object is on by now, in nanoseconds.
        """
        del self._starting[:1]
        self._started[object_id] = stamp

    def owns(self, object_id: int) -> bool:
        """Return whether detections have started an object that nobody else has prompted."""
        return object_id in self._started

    def disown(self, object_id: int) -> None:
        """Never remove this object any more, because another client has prompted it."""
        self._started.pop(object_id, None)

    def look(self, object_id: int, colours: Histogram, *, sure: bool = True) -> None:
        """
        Remember the colours of the mask of a visible object.

        They are those of the object if it is surely seen, and if the detector does not say
        otherwise: where it knows the object and has not seen it lately, something else is tracked.
        """
        self._shown[object_id] = colours
        if not sure or self._is_deserted(object_id, self.settings.window):
            return
        known = self._colours.get(object_id)
        self._colours[object_id] = (
            colours if known is None else known + LEARNING_RATE * (colours - known)
        )

    def retain(self, ids: Collection[int], stamp: int) -> None:
        """
        Forget what is known of objects that are gone; to be called for every tracked image.

        :param ids: of all objects on the image.
        :param stamp: of the image, in nanoseconds.
        """
        for known in (self._doubts, self._support, self._acted, self._colours, self._shown):
            for object_id in known.keys() - ids:
                del known[object_id]
        for object_id, started in list(self._started.items()):
            # A new object is not on images from before its prompt.
            if object_id not in ids and stamp > started + SETTLING:
                del self._started[object_id]

    def associate(
        self,
        detections: Detections,
        objects: TrackedObjects,
        colours_at: Callable[[Box], Histogram | None],
    ) -> Outcome:
        """
        Match the detections of one image with the objects on it.

        :param detections: valid ones (``detections.checked``), in any number.
        :param objects: on the image of the detections, or on one close to it.
        :param colours_at: returns the colours of that image in a box; called for few boxes.
        """
        chosen, good = self._chosen(detections)
        kept = detections[chosen]
        outcome = Outcome(ignored=len(detections) - len(kept), surplus=good - len(kept))
        ious = self._ious(kept, objects)
        pairs = dict(assigned(self._affinities(ious, kept, objects)))
        seen = (objects.sight == Sight.SEEN).tolist()
        sure = (kept.scores >= self.settings.sure_score).tolist()
        for row, object_id in enumerate(objects.ids):
            column = pairs.get(row)
            support = self._support.get(object_id)
            if support is None:
                support = self._support[object_id] = Support(self.settings.confirmations)
            agrees = column is not None and ious[row, column] >= self.settings.agree_iou
            support.add(
                objects.stamp, matched=column is not None, surely=seen[row] and bool(agrees)
            )
            if column is None:
                self._votes(object_id).add(detected=False)
                continue
            outcome.matches[object_id] = int(chosen[column])
            doubted = sure[column] and (
                not seen[row] or ious[row, column] < self.settings.agree_iou
            )
            if self._votes(object_id).add(detected=bool(doubted)):
                outcome.actions += self._doubted(objects, row, kept.boxes[column], colours_at)
        # What overlaps an object is another view of it, or a part.
        others = kept[np.flatnonzero(~(ious > 0).any(axis=0))]
        outcome.unmatched = len(others)
        self._tentative.object_seen(objects.boxes[seen])
        for tentative in self._tentative.update(others, objects.stamp):
            outcome.actions += self._believe(tentative, objects, colours_at)
        outcome.actions += self._expired(objects, outcome.matches)
        return outcome

    def _chosen(self, detections: Detections) -> tuple[NDArray[np.intp], int]:
        """Return the rows of the detections that are used, best first, and how many might be."""
        good = detections.scores >= self.settings.minimum_score
        if self.settings.labels:
            good &= np.array([label in self.settings.labels for label in detections.labels], bool)
        rows = np.flatnonzero(good)
        order = np.argsort(-detections.scores[rows], kind='stable')
        return rows[order[: self.settings.most_detections]], len(rows)

    def _ious(self, detections: Detections, objects: TrackedObjects) -> NDArray[np.float64]:
        """Return the IoU of boxes [M, N], 0 for pairs that are impossible."""
        ious = box_iou(objects.boxes[:, None], detections.boxes[None])
        ious[ious < self.settings.match_iou] = 0.0
        if self.settings.by_label:
            ious *= same_labels(objects.labels, detections.labels)
        return ious

    @staticmethod
    def _affinities(
        ious: NDArray[np.float64], detections: Detections, objects: TrackedObjects
    ) -> NDArray[np.float64]:
        """Return the IoUs [M, N], those of visible objects times the share of the mask inside."""
        affinities = ious.copy()
        seen = (objects.sight == Sight.SEEN)[:, None]
        rows, columns = np.nonzero(seen & (ious > 0))
        shares = mask_shares(objects, rows, detections.boxes[columns])
        # A mask that lies elsewhere in its box must not make a pair of boxes impossible.
        affinities[rows, columns] *= np.maximum(shares, 1e-6)
        return affinities

    def _votes(self, object_id: int) -> Votes:
        """Return on which of the last images detections have contradicted the tracker."""
        votes = self._doubts.get(object_id)
        if votes is None:
            votes = Votes(self.settings.confirmations, self.settings.window)
            self._doubts[object_id] = votes
        return votes

    def _doubted(
        self,
        objects: TrackedObjects,
        row: int,
        box: Box,
        colours_at: Callable[[Box], Histogram | None],
    ) -> list[Action]:
        """Return what is to be done about an object whose track is contradicted often enough."""
        object_id, seen = objects.ids[row], objects.sight[row] == Sight.SEEN
        allowed = self.settings.correct if seen else self.settings.find_again
        if not allowed or self._is_settling(object_id, objects.stamp):
            return []
        if not seen and self._similarity(object_id, colours_at(box)) < self.settings.similar:
            return []
        self._votes(object_id).clear()
        self._acted[object_id] = objects.stamp
        return [Action(Effect.CORRECTED if seen else Effect.FOUND_AGAIN, object_id, box)]

    def _believe(
        self,
        tentative: Tentative,
        objects: TrackedObjects,
        colours_at: Callable[[Box], Histogram | None],
    ) -> list[Action]:
        """Return what a confirmed detection of something that nobody tracks leads to."""
        object_id = self._missing(tentative, objects, colours_at)
        if object_id:
            if tentative.score < self.settings.sure_score:
                # Nothing new, and not yet sure enough to prompt the object.
                return []
            self._acted[object_id] = objects.stamp
            tentative.quiet_until = objects.stamp + EFFECT
            seen = objects.sight[objects.ids.index(object_id)] == Sight.SEEN
            effect = Effect.CORRECTED if seen else Effect.FOUND_AGAIN
            return [Action(effect, object_id, tentative.box)]
        # A prompt that was refused starts nothing.
        self._starting = [
            stamp for stamp in self._starting if abs(objects.stamp - stamp) <= SETTLING
        ]
        room = len(self._started) + len(self._starting) < self.settings.most_objects
        if not self.settings.new_objects or not room:
            return []
        tentative.quiet_until = objects.stamp + SETTLING
        self._starting.append(objects.stamp)
        return [Action(Effect.NEW, 0, tentative.box, tentative.label)]

    def _missing(
        self,
        tentative: Tentative,
        objects: TrackedObjects,
        colours_at: Callable[[Box], Histogram | None],
    ) -> int:
        """Return the object that is detected in another place than it is tracked in; 0: none."""
        fits = np.ones(len(objects), np.bool_)
        if self.settings.by_label:
            (fits,) = same_labels([tentative.label], objects.labels)
        missing = [
            row
            for row in np.flatnonzero(fits).tolist()
            if self._may_be_elsewhere(objects.ids[row], objects.sight[row])
            and not self._is_settling(objects.ids[row], objects.stamp)
            and tentative.since > self._support[objects.ids[row]].beside
        ]
        if not missing:
            return 0
        colours = colours_at(tentative.box)
        alike = {row: self._similarity(objects.ids[row], colours) for row in missing}
        best = max(missing, key=lambda row: alike[row])
        object_id, least = objects.ids[best], self.settings.similar
        if objects.sight[best] == Sight.SEEN and not self.settings.correct:
            shown = self._similarity(object_id, self._shown.get(object_id))
            least = max(least, shown + MARGIN)
        return object_id if alike[best] >= least else 0

    def _may_be_elsewhere(self, object_id: int, sight: int) -> bool:
        """
        Return whether an object may be where it is not tracked, and be prompted there.

        One that is visible may, if the detector has long not seen it where it is: the tracker
        follows something else.
        """
        if sight != Sight.SEEN:
            return self.settings.find_again
        allowed = self.settings.find_again or self.settings.correct
        return allowed and self._is_deserted(object_id, 2 * self.settings.window)

    def _is_deserted(self, object_id: int, images: int) -> bool:
        """Return whether the detector knows an object, and sees it no longer where it is."""
        support = self._support.get(object_id)
        if support is None or support.matches < self.settings.confirmations:
            return False
        return support.silence >= images

    def _similarity(self, object_id: int, colours: Histogram | None) -> float:
        """Return the similarity of colours to those of an object; 0 where either is not known."""
        known = self._colours.get(object_id)
        return 0.0 if known is None or colours is None else similarity(known, colours)

    def _is_settling(self, object_id: int, stamp: int) -> bool:
        """Return whether a prompt is so fresh that detections may be older than its effect."""
        acted = self._acted.get(object_id)
        return acted is not None and abs(stamp - acted) <= EFFECT

    def _expired(self, objects: TrackedObjects, matches: dict[int, int]) -> list[Action]:
        """Return removals of objects that detections have started and that are no longer seen."""
        actions = []
        for object_id in list(self._started):
            row = objects.ids.index(object_id) if object_id in objects.ids else None
            if row is not None and (objects.sight[row] == Sight.SEEN or object_id in matches):
                self._started[object_id] = objects.stamp
            unseen = objects.stamp - self._started[object_id]
            if (
                row is not None
                and self.settings.forget_after
                and (unseen > self.settings.forget_after)
            ):
                # Until it is gone: a removal may be refused, and is then asked for again.
                self._started[object_id] = objects.stamp
                actions.append(Action(Effect.EXPIRED, object_id))
        return actions
