# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""SAMURAI, live, for many objects: frames in, tracks out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.core.boxes import Box
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.core.frame import Frame, FrameError
from sam_tracker.core.object_ids import next_object_id
from sam_tracker.core.prompt import Prompt, PromptError, checked_label
from sam_tracker.networks.api import MaskCandidates, VideoNetwork
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.networks.runtime import Runtime
from sam_tracker.tracking.candidates import (
    Measurements,
    absent_suppressed,
    given_up,
    measure,
    measured_boxes,
    shared_pixels,
    taken,
)
from sam_tracker.tracking.contest import Claim, settle, support
from sam_tracker.tracking.inference import LARGEST_BATCH, Inference
from sam_tracker.tracking.memory.bank import MemoryBank
from sam_tracker.tracking.motion.mask_selector import MaskSelector
from sam_tracker.tracking.seen_frame import SeenFrame
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import Track, TrackState
from sam_tracker.tracking.tracked_object import Sighting, TrackedObject

PART_SHARE = 0.5
"""Share of the smaller mask from which on a prompted object is taken for a part of another."""
DUPLICATE_LOGIT = -10.0
"""Object logit with which the memory of a duplicate is marked as one of absence."""


class Tracker:
    """
    Follows the objects of one stream of frames.

    The network is only used, never changed: many trackers may share it. All state lies here and
    is bounded by ``settings.maximum_objects``, however long the stream is.

    Stamps are whole nanoseconds and name the frames: ``add_prompt`` with the stamp of the newest
    frame uses what is already known of it. They may leave out time, which the motion model takes
    as the longer step it is; when they go back, the motion of all objects starts anew.

    Frames may change their size. An object is then expected at the same place in relation to the
    image's borders; where the proportions change too, its motion starts anew.

    Not to be called from two threads at once.
    """

    def __init__(
        self,
        network: VideoNetwork,
        settings: TrackerSettings | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        """
        Begin without objects.

        :param network: in evaluation mode, on the device to be used.
        :param settings: left out: those that suit the network.
        :param runtime: in which precision to run it; left out: as it is, in that of its weights.
        """
        self.settings = settings or TrackerSettings.for_network(network.suited_settings)
        self._inferring = runtime.inference if runtime is not None else torch.inference_mode
        self._inference = Inference(network, self.settings)
        self._objects: dict[int, TrackedObject] = {}
        self._frame: SeenFrame | None = None
        self._last_id = 0

    @property
    def objects(self) -> list[Track]:
        """The newest track of every object, by ascending id."""
        return [_reported(self._objects[number]) for number in sorted(self._objects)]

    @property
    def memory_bytes(self) -> int:
        """Bytes of the objects' memories on the device; grows only with objects at once."""
        return self._inference.store.bytes

    def step(self, frame: Frame) -> list[Track]:
        """
        Propagate all objects to the next frame.

        :param frame: its pixels are free again when this returns.
        :returns: the tracks of all objects, seen or not, by ascending id.
        :raises FrameError: the stamp is that of the frame before; then nothing has changed.
        """
        seen = self._seen(frame)
        if seen.stepped:
            raise FrameError(
                f'stamp {frame.stamp} is that of the frame before; a stamp names one frame'
            )
        previous, self._frame = self._frame, seen
        behind = [held for held in self._objects.values() if held.stamp != seen.stamp]
        if behind:
            with self._inferring():
                self._advance(behind, seen, frame, previous)
        seen.stepped = True
        return self.objects

    def add_prompt(
        self,
        frame: Frame,
        prompt: Prompt,
        object_id: int | None = None,
        label: str = '',
        later: Iterable[Frame] = (),
    ) -> Track:
        """
        Start tracking an object, or refine one.

        The newest frame is not encoded again. When the frame is newer than that, ``step`` may
        propagate the other objects to it afterwards.

        An object that is refined is first propagated to the frame; its memory and, where it is
        seen, its mask help to read the prompt. Its motion starts anew. When the prompt is older
        than its newest track, all that was tracked since its prompts is forgotten.

        :param frame: the frame on which the prompt was made.
        :param prompt: which object is meant.
        :param object_id: an object to refine; None: a new one.
        :param label: name of the object; empty: keep the name it has.
        :param later: frames since then, oldest first, up to the newest one, through which this
            object alone is propagated after a prompt on an old frame. They are read one at a
            time, each after the one before it was tracked.
        :returns: the object on the last of these frames.
        :raises PromptError: the prompt does not fit the image, the object is unknown, or there
            would be more than ``maximum_objects``.
        :raises FrameError: the frame has another size than the newest frame of this stamp, or
            a later frame does not follow the one before.

        Whatever is raised, also by the network or by ``later``, the tracker is as it was before.
        """
        held = None if object_id is None else self._known(object_id)
        label = checked_label(label)
        prompt = prompt.validate(frame.width, frame.height, refining=held is not None)
        if held is None and len(self._objects) >= self.settings.maximum_objects:
            raise PromptError(
                f'{len(self._objects)} objects are followed, and maximum_objects is'
                f' {self.settings.maximum_objects}'
            )
        newest = seen = self._seen(frame)
        with self._inferring():
            # The prompt is applied to a copy, which takes the object's place when all went well.
            draft = self._begun(seen, label) if held is None else self._copied(held, label)
            try:
                if held is None:
                    self._follow_prompt(draft, seen, frame, prompt, correcting=False)
                else:
                    self._refine(draft, seen, frame, prompt)
                for next_frame in later:
                    if next_frame.stamp <= newest.stamp:
                        raise FrameError(
                            f'later frames must follow each other: {next_frame.stamp} after'
                            f' {newest.stamp}'
                        )
                    previous, newest = newest, self._seen(next_frame)
                    self._advance([draft], newest, next_frame, previous)
            except BaseException:
                self._inference.store.release_row(draft.row)
                raise
        if held is None:
            self._last_id = draft.object_id
        else:
            self._inference.store.release_row(held.row)
        self._objects[draft.object_id] = draft
        if self._frame is None or newest.stamp > self._frame.stamp:
            self._frame = newest
        if self.settings.exclusive:
            self._note_parts(draft)
        return _reported(draft)

    def remove(self, object_id: int) -> None:
        """
        Stop following an object and forget it.

        Raises ``PromptError`` when there is no such object.
        """
        held = self._known(object_id)
        del self._objects[object_id]
        self._inference.store.release_row(held.row)
        for other in self._objects.values():
            other.may_share.discard(object_id)

    def reset(self) -> None:
        """Forget all objects and the newest frame; ids start from 1 again."""
        for held in self._objects.values():
            self._inference.store.release_row(held.row)
        self._objects.clear()
        self._frame = None
        self._last_id = 0

    def _known(self, object_id: int) -> TrackedObject:
        if object_id not in self._objects:
            known = ', '.join(str(number) for number in sorted(self._objects)) or 'none'
            raise PromptError(f'there is no object {object_id}; the objects are: {known}')
        return self._objects[object_id]

    def _seen(self, frame: Frame) -> SeenFrame:
        """Return what is known of a frame; nothing yet unless it is the newest one."""
        current = self._frame
        if current is None or frame.stamp != current.stamp:
            return SeenFrame(frame.stamp, frame.width, frame.height)
        if (frame.width, frame.height) != (current.width, current.height):
            raise FrameError(
                f'stamp {frame.stamp} names a frame of {current.width}x{current.height} pixels,'
                f' not one of {frame.width}x{frame.height}'
            )
        return current

    def _scale(self, seen: SeenFrame) -> ImageScale:
        return self._inference.network.scale(seen.width, seen.height)

    def _advance(
        self,
        objects: Sequence[TrackedObject],
        seen: SeenFrame,
        frame: Frame,
        previous: SeenFrame | None,
    ) -> None:
        """
        Propagate objects, each with a past, to a frame.

        :param previous: the frame before, from which the camera's motion is counted.
        """
        features = self._inference.encode(seen, frame.pixels)
        past = [(held.row, held.bank.recall()) for held in objects]
        order, candidates = self._inference.track(features, past)
        objects = [objects[index] for index in order]
        exclusive = self.settings.exclusive and len(objects) > 1
        candidates, measured = self._measure(candidates, intersecting=exclusive)
        sightings = [
            self._decide(
                held,
                measured,
                index,
                held.expect(seen, self._camera_motion(held, seen, frame, previous)),
            )
            for index, held in enumerate(objects)
        ]
        logits, tokens = taken(candidates, [sighting.choice.index for sighting in sightings])
        if measured.intersections is not None:
            logits = self._settle(objects, sightings, measured.intersections, logits)
        memories = self._inference.memories(
            features,
            logits,
            tokens,
            present=[sighting.present and not sighting.duplicate_of for sighting in sightings],
            object_logits=[
                DUPLICATE_LOGIT if sighting.duplicate_of else sighting.object_logit
                for sighting in sightings
            ],
            binary=False,
        )
        places = [
            held.bank.remember(sighting.scores)
            for held, sighting in zip(objects, sightings, strict=True)
        ]
        self._inference.store.write([held.row for held in objects], places, *memories)
        for held, sighting in zip(objects, sightings, strict=True):
            held.take_in(sighting)
        self._report(objects, sightings, seen, logits)

    def _camera_motion(
        self, held: TrackedObject, seen: SeenFrame, frame: Frame, previous: SeenFrame | None
    ) -> NDArray[np.float64] | None:
        """Return the camera's motion in network pixels since an object's newest frame."""
        if frame.camera_motion is None or previous is None or held.stamp != previous.stamp:
            return None
        before, now = self._scale(previous).matrix, self._scale(seen).matrix
        return np.asarray(now @ frame.camera_motion @ np.linalg.inv(before))

    def _begun(self, seen: SeenFrame, label: str) -> TrackedObject:
        """Return a new object without a past."""
        return TrackedObject(
            object_id=next_object_id(self._last_id, self._objects),
            label=label,
            row=self._inference.store.take_row(),
            settings=self.settings,
            bank=MemoryBank(self.settings, self._inference.network.memory_layout),
            selector=MaskSelector(self.settings),
            stamp=seen.stamp,
            image_size=(seen.width, seen.height),
        )

    def _copied(self, held: TrackedObject, label: str) -> TrackedObject:
        """Return an independent copy of an object, with a row of its own in the store."""
        return replace(
            held,
            label=label or held.label,
            row=self._inference.store.copy_row(held.row),
            bank=deepcopy(held.bank),
            may_share=set(held.may_share),
        )

    def _refine(self, held: TrackedObject, seen: SeenFrame, frame: Frame, prompt: Prompt) -> None:
        """Correct a known object by a prompt on a frame."""
        if seen.stamp > held.stamp:
            self._advance([held], seen, frame, self._frame)
        correcting = seen.stamp == held.stamp
        if not correcting:
            held.bank.forget_tracking()
            held.stamp, held.image_size = seen.stamp, (seen.width, seen.height)
        self._follow_prompt(held, seen, frame, prompt, correcting)

    def _follow_prompt(
        self,
        held: TrackedObject,
        seen: SeenFrame,
        frame: Frame,
        prompt: Prompt,
        correcting: bool,
    ) -> None:
        """
        Let a prompt say what an object is.

        :param correcting: on a frame that the object was already brought to.
        """
        features = self._inference.encode(seen, frame.pixels)
        previous = None
        if correcting and _reported(held).state is TrackState.TRACKED:
            previous = _reported(held).logits
        answer = self._inference.read_prompt(
            features, prompt, self._scale(seen), held.row, held.bank.recall(correcting), previous
        )
        candidates, measured = self._measure(answer.candidates, intersecting=False)
        held.selector = held.selector.restart()
        sighting = self._decide(held, measured, 0, predicted=None)
        logits, tokens = taken(candidates, [sighting.choice.index])
        memories = self._inference.memories(
            features,
            logits,
            tokens,
            present=[float(answer.pointed) > self.settings.presence_logit],
            object_logits=[sighting.object_logit],
            binary=self.settings.binarise_prompted_masks,
        )
        bank = held.bank
        places = bank.correct(sighting.scores) if correcting else bank.condition()
        self._inference.store.write([held.row], [places], *memories)
        # A box, several clicks or a mask leave no choice; then the motion starts one frame later.
        if candidates.predicted_iou.shape[1] > 1:
            held.take_in(sighting)
        elif sighting.seen:
            held.unseen = 0
        self._report([held], [sighting], seen, logits)

    def _measure(
        self, candidates: MaskCandidates, intersecting: bool
    ) -> tuple[MaskCandidates, Measurements]:
        """Empty the masks of absent objects, and bring to the host what decides."""
        logits = absent_suppressed(
            candidates.mask_logits, candidates.object_logit, self.settings.presence_logit
        )
        measured = measure(
            logits,
            candidates.predicted_iou,
            candidates.object_logit,
            image_size=self._inference.image_size,
            batch=LARGEST_BATCH,
            intersecting=intersecting,
        )
        return replace(candidates, mask_logits=logits), measured

    def _decide(
        self, held: TrackedObject, measured: Measurements, index: int, predicted: Box | None
    ) -> Sighting:
        """Choose the mask of one object."""
        choice = held.selector.choose(measured.affinities[index], measured.boxes[index])
        object_logit = float(measured.object_logits[index])
        return Sighting(
            choice=choice,
            object_logit=object_logit,
            bound=measured.bounds[index, choice.index],
            present=object_logit > self.settings.presence_logit,
            predicted_box=predicted,
        )

    def _settle(
        self,
        objects: Sequence[TrackedObject],
        sightings: list[Sighting],
        intersections: NDArray[np.float64],
        logits: Tensor,
    ) -> Tensor:
        """
        Let the better supported objects keep the pixels that several claim.

        :param sightings: changed for objects that lose pixels.
        :param intersections: [O * C, O * C] of all candidates.
        :returns: [O, s, s] the logits of what each object keeps.
        """
        count = len(intersections) // len(objects)
        rows = [index * count + seen.choice.index for index, seen in enumerate(sightings)]
        claims = [
            Claim(
                held.object_id,
                support(sighting.choice.affinity, sighting.choice.motion_score),
                held.may_share,
            )
            for held, sighting in zip(objects, sightings, strict=True)
        ]
        settlement = settle(
            claims, intersections[np.ix_(rows, rows)], self.settings.duplicate_share
        )
        if not settlement.losses:
            return logits
        logits = given_up(logits, settlement)
        boxes, bounds = measured_boxes(logits, self._inference.image_size, LARGEST_BATCH)
        for index, _ in settlement.losses:
            sighting = sightings[index]
            sighting.choice = replace(sighting.choice, box=boxes[index])
            sighting.bound = bounds[index]
            sighting.duplicate_of = settlement.duplicate_of[index]
        return logits

    def _report(
        self,
        objects: Sequence[TrackedObject],
        sightings: Sequence[Sighting],
        seen: SeenFrame,
        logits: Tensor,
    ) -> None:
        bounds = [sighting.bound if sighting.seen else None for sighting in sightings]
        scale = self._scale(seen)
        images = MaskImages(logits, bounds, scale)
        for index, (held, sighting) in enumerate(zip(objects, sightings, strict=True)):
            held.report(sighting, seen, scale, images, index)

    def _note_parts(self, held: TrackedObject) -> None:
        """Note with which objects a prompted one overlaps: they may share pixels from now on."""
        others = [
            other
            for other in self._objects.values()
            if other.object_id != held.object_id and _reported(other).state is TrackState.TRACKED
        ]
        for other in self._objects.values():
            other.may_share.discard(held.object_id)
        held.may_share.clear()
        if not others:
            return
        shares = shared_pixels(_reported(held).logits, [_reported(o).logits for o in others])
        for other, share in zip(others, shares, strict=True):
            if share > PART_SHARE:
                held.may_share.add(other.object_id)
                other.may_share.add(held.object_id)


def _reported(held: TrackedObject) -> Track:
    assert held.track is not None, 'an object is reported before it is kept'
    return held.track
