# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""SAMURAI on a live stream, for many objects: frames and prompts in, tracks out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch

from sam_tracker.core.frame import Frame, FrameError
from sam_tracker.core.object_ids import next_object_id
from sam_tracker.core.prompt import Prompt, PromptError, checked_label
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import Runtime
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.doubts import Doubts
from sam_tracker.tracking.inference import Inference
from sam_tracker.tracking.motion.mask_selector import MaskSelector
from sam_tracker.tracking.prompting import Prompting
from sam_tracker.tracking.propagation import Propagation, Proposal
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.shared_pixels import Comparison, SharedPixels
from sam_tracker.tracking.track import Track, TrackState
from sam_tracker.tracking.tracked_object import TrackedObject

FIXED_SETTINGS = (
    'motion_model',
    'memory_rule',
    'frame_period',
    'conditioning_memories',
    'maximum_objects',
)
"""Settings that the state of every object depends on."""


class Tracker:
    """
    Tracks the objects of one stream of frames.

    The network is not modified, so several trackers may share it. All state is here and is bounded
    by ``settings.maximum_objects``, however long the stream is.

    Stamps are whole nanoseconds and identify frames: ``add_prompt`` with the stamp of the newest
    frame uses the features that are already there. Frames may be left out; the motion model
    accounts for the longer step. When stamps go back, the motion of all objects starts anew.

    Frames may change their size. An object is then expected at the same place in relation to the
    image's borders; where the proportions change too, its motion starts anew.

    Whatever a method raises, the network's own errors included, the tracker is as it was before.
    Not thread-safe.
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
        self._network = network
        self._inference = Inference(network, self.settings, runtime)
        self._propagation = Propagation(self._inference, self.settings)
        self._prompting = Prompting(self._inference, self.settings)
        self._objects: dict[int, TrackedObject] = {}
        self._shared = SharedPixels(self.settings.same_object)
        self._doubts = Doubts(self._inference, self.settings)
        self._frame: CachedFrame | None = None
        """The newest frame."""
        self._last_id = 0

    @property
    def objects(self) -> list[Track]:
        """The newest track of every object, by ascending id."""
        return [self._objects[number].newest for number in sorted(self._objects)]

    @property
    def memory_bytes(self) -> int:
        """Bytes of the objects' memories on the device; grows only with objects at once."""
        return self._inference.store.bytes

    def step(self, frame: Frame) -> list[Track]:
        """
        Propagate all objects to the next frame.

        :param frame: its pixels may be overwritten once this has returned.
        :returns: the tracks of all objects, seen or not, by ascending id. An object that is
            FORGOTTEN is returned for the last time.
        :raises FrameError: the stamp is that of the frame before.
        """
        cached = self._cached(frame)
        if cached.stepped:
            raise FrameError(
                f'stamp {frame.stamp} is that of the frame before; a stamp names one frame'
            )
        behind = [held for held in self._objects.values() if held.stamp != cached.stamp]
        if behind:
            with self._inferring():
                proposal = self._propagation.propose(behind, frame, cached, self._frame)
                parts = self._new_parts(proposal)
                propagated = self._propagation.conclude(proposal, self._shared.with_parts(parts))
            self._shared.add_parts(parts)
            self._doubts.observe(proposal, propagated)
            self._objects.update((held.object_id, held) for held in propagated)
            for number in parts:
                self._objects[number] = replace(self._objects[number], uncompared=None)
        self._frame = cached
        cached.stepped = True
        tracks = self.objects
        self._shared.add_frame(cached.stamp, tracks)
        for track in tracks:
            if track.state is TrackState.FORGOTTEN:
                self.remove(track.object_id)
        return tracks

    @property
    def doubtful(self) -> bool:
        """Whether a verification is due."""
        return bool(self._doubts)

    def verify(self) -> None:
        """
        Verify a newest mask of doubtful appearance, if a verification is due.

        Meant for the time between two frames: it takes less time than a frame, since no image is
        encoded. The newest tracks stay as they are. When a mask turns out to show something else,
        its object counts as not visible from the next frame on, until a mask looks like the
        object or another one is verified.
        """
        if self._doubts:
            with self._inferring():
                object_id, seen, confirmed = self._doubts.verify()
                held = self._objects[object_id]
                if held.distrusted == confirmed:
                    self._objects[object_id] = self._propagation.revise(held, seen, confirmed)

    def add_prompt(
        self,
        frame: Frame,
        prompt: Prompt,
        object_id: int | None = None,
        label: str = '',
        later: Iterable[Frame] = (),
        new_id: int | None = None,
    ) -> Track:
        """
        Start tracking an object, or refine one.

        The newest frame is not encoded again. When the frame is newer than that, ``step`` may
        propagate the other objects to it afterwards.

        An object that is refined is first propagated to the frame; its memory and, where it is
        seen, its mask help to read the prompt. Prompts on one frame add up: points join the
        earlier ones, a new box replaces the box, and a mask everything. Its motion starts anew.
        When the prompt is older than its newest track, all that was tracked since its prompts is
        forgotten.

        With ``settings.exclusive`` a prompt for a new object whose mask is that of a tracked
        object (``settings.same_object``) is answered with that object, which stays as it is: a
        detector may prompt what it sees on every frame.

        :param frame: the frame on which the prompt was made.
        :param prompt: which object is meant; what lies outside the image is clipped.
        :param object_id: an object to refine; None: a new one.
        :param label: name of the object; empty: keep the name it has.
        :param later: frames since then, oldest first, up to the newest one, through which this
            object alone is propagated after a prompt on an old frame. They are read one at a
            time, each after the one before it was tracked.
        :param new_id: id of a new object, as of one that was tracked before a restart; None: the
            next one.
        :returns: the object on the last of these frames.
        :raises PromptError: the prompt does not fit the image, the label is too long, the object
            is unknown or ``new_id`` is taken, there would be more than ``maximum_objects``, or
            every answer of the network contradicts the prompt that refines an object (see
            ``corrections``).
        :raises FrameError: the frame has another size than the newest frame of this stamp, or
            a later frame does not follow the one before.
        """
        held = None if object_id is None else self._known(object_id)
        if new_id in self._objects:
            raise PromptError(f'there is an object {new_id} already')
        label = checked_label(label)
        prompt = prompt.validate(frame.width, frame.height, refining=held is not None)
        if held is None and (not self.settings.exclusive or self.settings.same_object == 1):
            # Else the prompt is decoded first: it may show an object that is tracked already.
            self._require_room()
        cached, store = self._cached(frame), self._inference.store
        with self._inferring():
            # The prompt is applied to a copy, which takes the object's place when all went well.
            draft = self._new(cached, label, new_id) if held is None else self._copy(held, label)
            try:
                draft, newest, comparison = self._prompted(draft, frame, cached, prompt, later)
                if held is None and comparison.same is None:
                    self._require_room()
            except BaseException:
                store.remove(draft.row)
                raise
        if held is None and comparison.same is not None:
            store.remove(draft.row)
            return self._named(comparison.same, label)
        if held is None:
            self._last_id = draft.object_id
        else:
            store.remove(held.row)
        self._shared.set_parts(draft.object_id, comparison.parts)
        self._doubts.forget(draft.object_id)
        self._objects[draft.object_id] = draft
        if self._frame is None or newest.stamp > self._frame.stamp:
            self._frame = newest
        return draft.newest

    def remove(self, object_id: int) -> None:
        """
        Stop tracking an object and forget it.

        :raises PromptError: there is no such object.
        """
        held = self._known(object_id)
        del self._objects[object_id]
        self._inference.store.remove(held.row)
        self._shared.remove(object_id)
        self._doubts.forget(object_id)

    def rename(self, object_id: int, label: str) -> Track:
        """
        Give an object another label, and return its newest track with it.

        :raises PromptError: there is no such object, or the label is too long.
        """
        held = self._known(object_id)
        track = replace(held.newest, label=checked_label(label))
        self._objects[object_id] = replace(held, label=label, track=track)
        return track

    def reset(self) -> None:
        """Forget all objects and the newest frame; ids start from 1 again."""
        for object_id in list(self._objects):
            self.remove(object_id)
        self._shared.forget_frames()
        self._frame = None
        self._last_id = 0

    def change(self, settings: TrackerSettings) -> None:
        """
        Use other settings from the next frame on; objects and their memory are kept.

        :raises ValueError: one of ``FIXED_SETTINGS`` differs, which needs a new tracker.
        """
        for name in FIXED_SETTINGS:
            now, wanted = getattr(self.settings, name), getattr(settings, name)
            if now != wanted:
                raise ValueError(f'{name} of a tracker cannot change from {now!r} to {wanted!r}')
        self.settings = settings
        self._inference.change(settings)
        self._propagation = Propagation(self._inference, settings)
        self._prompting = Prompting(self._inference, settings)
        self._shared.same_object = settings.same_object
        self._doubts.settings = settings
        self._objects = {
            object_id: replace(held, selector=replace(held.selector, settings=settings))
            for object_id, held in self._objects.items()
        }

    def restart_clock(self) -> None:
        """
        Let stamps start anew, as when a recording is played again from its beginning.

        The next frame may have any stamp, also one that was there before. Objects and their
        memory are kept; their motion starts anew, and prompts on older frames are no longer
        possible.
        """
        self._frame = None
        self._shared.forget_frames()
        self._doubts.reset()
        self._objects = {
            object_id: replace(
                held, stamp=None, prompt_stamp=None, selector=held.selector.restart()
            )
            for object_id, held in self._objects.items()
        }

    def _known(self, object_id: int) -> TrackedObject:
        if object_id not in self._objects:
            known = ', '.join(str(number) for number in sorted(self._objects)) or 'none'
            raise PromptError(f'there is no object {object_id}; the objects are: {known}')
        return self._objects[object_id]

    def _require_room(self) -> None:
        if len(self._objects) >= self.settings.maximum_objects:
            raise PromptError(
                f'{len(self._objects)} objects are tracked, and maximum_objects is'
                f' {self.settings.maximum_objects}'
            )

    def _named(self, object_id: int, label: str) -> Track:
        """Return the newest track of an object, which gets the label if it has none."""
        held = self._objects[object_id]
        return self.rename(object_id, label) if label and not held.label else held.newest

    def _cached(self, frame: Frame) -> CachedFrame:
        """Return the newest frame if it is that, else a frame that is not encoded yet."""
        current = self._frame
        if current is None or frame.stamp != current.stamp:
            return CachedFrame(frame.stamp, self._network.scale(frame.width, frame.height))
        if (frame.width, frame.height) != current.image_size:
            width, height = current.image_size
            raise FrameError(
                f'stamp {frame.stamp} names a frame of {width}x{height} pixels,'
                f' not one of {frame.width}x{frame.height}'
            )
        return current

    def _new(self, frame: CachedFrame, label: str, new_id: int | None) -> TrackedObject:
        """Return a new object, which has no track and no memory."""
        return TrackedObject(
            object_id=new_id or next_object_id(self._last_id, self._objects),
            label=label,
            row=self._inference.store.add(),
            selector=MaskSelector(self.settings),
            stamp=frame.stamp,
            image_size=frame.image_size,
        )

    def _copy(self, held: TrackedObject, label: str) -> TrackedObject:
        """Return an object with a copy of its memory."""
        row = self._inference.store.copy(held.row)
        return replace(held, row=row, label=label or held.label)

    def _prompted(
        self,
        held: TrackedObject,
        frame: Frame,
        cached: CachedFrame,
        prompt: Prompt,
        later: Iterable[Frame],
    ) -> tuple[TrackedObject, CachedFrame, Comparison]:
        """
        Apply a prompt to an object and propagate it through the later frames.

        :returns: the object, its newest frame, and its overlaps with the others there.
        """
        propagation = self._propagation
        if held.track is not None and (held.stamp is None or held.stamp < cached.stamp):
            proposal = propagation.propose([held], frame, cached, self._frame)
            (held,) = propagation.conclude(proposal, {})
        elif held.stamp != cached.stamp:
            self._inference.store.forget_tracking(held.row)
        held = self._prompting.apply(held, frame, cached, prompt)
        prompted, newest = held.newest, cached
        comparison = self._shared.compare(prompted.decoded_mask, self._standing(cached, held))
        for next_frame in later:
            if next_frame.stamp <= newest.stamp:
                raise FrameError(
                    f'later frames must follow each other: {next_frame.stamp} after {newest.stamp}'
                )
            previous, newest = newest, self._cached(next_frame)
            proposal = propagation.propose([held], next_frame, newest, previous)
            standing = self._standing(newest, held)
            comparison = self._shared.compare(proposal.mask(0), standing, prompted)
            parts = {held.object_id: comparison.parts}
            (held,) = propagation.conclude(proposal, parts, standing)
        all_there = all(
            other.stamp == newest.stamp
            for other in self._objects.values()
            if other.object_id != held.object_id
        )
        return replace(held, uncompared=None if all_there else prompted), newest, comparison

    def _standing(self, frame: CachedFrame, held: TrackedObject) -> dict[int, DecodedMask]:
        """Return the masks of the others that are seen on a frame, by id; {} unless exclusive."""
        if not self.settings.exclusive:
            return {}
        return {
            other.object_id: other.newest.decoded_mask
            for other in self._objects.values()
            if other.object_id != held.object_id
            and other.stamp == frame.stamp
            and other.newest.state is TrackState.TRACKED
        }

    def _new_parts(self, proposal: Proposal) -> dict[int, frozenset[int]]:
        """Compare objects that were prompted while the others were on another frame."""
        if not self.settings.exclusive:
            return {}
        held_by_id = {**self._objects, **{held.object_id: held for held in proposal.objects}}
        masks = {number: held.newest.decoded_mask for number, held in self._objects.items()}
        masks.update(
            (held.object_id, proposal.mask(index)) for index, held in enumerate(proposal.objects)
        )
        return {
            number: self._shared.compare(
                masks[number],
                {other: mask for other, mask in masks.items() if other != number},
                held.uncompared,
            ).parts
            for number, held in held_by_id.items()
            if held.uncompared is not None
        }
