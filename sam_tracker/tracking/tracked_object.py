# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The state of one object between frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.appearance import Appearance
from sam_tracker.tracking.cached_frame import CachedFrame
from sam_tracker.tracking.closer_look.focus import Focus
from sam_tracker.tracking.decision import Decision
from sam_tracker.tracking.memory.api import FrameFacts
from sam_tracker.tracking.motion.mask_selector import MaskSelector
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import Track, TrackState

LONGEST_TIME = 2**63 - 1
"""Nanoseconds, 292 years: times saturate there, whatever the stamps of a stream are."""
REACH = 0.1
"""Margin of an expected box, in sides of the object: boxes of masks vary by as much."""
SEARCHED_AT_MOST = SECOND
"""Nanoseconds for which one frame counts as a search: a paused stream is not searched."""


@dataclass(frozen=True, eq=False)
class TrackedObject:
    """
    The state of one object: an immutable value.

    On a frame ``at`` gives the object as it is expected there, ``updated`` and ``reported``
    what it is after a decision. Its memory is in the tracker's ``MemoryStore``.
    """

    object_id: int
    label: str
    row: int
    """Its row in the memory store."""
    selector: MaskSelector
    """Its motion, and how far that is trusted."""
    stamp: int | None
    """Stamp of its newest frame; None: the clock was restarted since."""
    image_size: tuple[int, int]
    """Width and height of that frame."""
    track: Track | None = None
    """Its track on that frame; None only until its first prompt is applied."""
    unseen: int = 0
    """Nanoseconds since it was seen."""
    searched: int = 0
    """Nanoseconds of the stream that it was searched without success; pauses do not count."""
    uncompared: Track | None = None
    """Its track on the frame of its prompt, until it was compared with all others there are."""
    prompt: Prompt | None = None
    """The points and the box of all its prompts on one frame; of a given mask, its box."""
    prompt_stamp: int | None = None
    """Stamp of that frame, the last prompted one; None: the clock was restarted since."""
    focus: Focus | None = None
    """Where to look for it; None: in the whole image."""
    expected_box: Box | None = None
    """[4] inclusive network pixels, where it was expected on its newest frame."""
    seen_box: Box | None = None
    """[4] image pixels, where it was seen on its newest frame; None: it was not."""
    distrusted: bool = False
    """
    Whether its last verified mask showed something else (``doubts``), and none was certain since.
    """
    appearances: tuple[tuple[int | None, Appearance], ...] = ()
    """Stamps of the prompted frames that are remembered, and how it looks there."""

    @property
    def settings(self) -> TrackerSettings:
        return self.selector.settings

    @property
    def newest(self) -> Track:
        """Its newest track."""
        assert self.track is not None, 'an object has a track once its first prompt is applied'
        return self.track

    def at(self, frame: CachedFrame, camera_motion: NDArray[np.float64] | None) -> TrackedObject:
        """
        Return the object on a later frame, where it was not looked for yet.

        After a clock that went back, or an image of other proportions, the motion starts anew.

        :param camera_motion: since its newest frame, as for ``Motion.predict``.
        """
        selector = self.selector
        elapsed = 0 if self.stamp is None else frame.stamp - self.stamp
        (width, height), (new_width, new_height) = self.image_size, frame.image_size
        if elapsed < 0 or new_width * height != new_height * width:
            selector = selector.restart()
        elapsed = max(elapsed, 0)
        selector = selector.predict(elapsed / self.settings.frame_period, camera_motion)
        return replace(
            self,
            selector=selector,
            stamp=frame.stamp,
            image_size=frame.image_size,
            unseen=min(self.unseen + elapsed, LONGEST_TIME),
            searched=min(self.searched + min(elapsed, SEARCHED_AT_MOST), LONGEST_TIME),
            expected_box=selector.expected_box,
        )

    def expected_region(self, frame: CachedFrame) -> Box | None:
        """
        Return the part of its newest frame that it can have reached, [4] in image pixels.

        An object that is partly hidden may come out on any side, as far as it usually reaches.

        :param frame: its newest, on which no decision was made yet.
        :returns: None: it may be anywhere, since it was not seen on the frame before.
        """
        box, focus = self.seen_box, self.focus
        if box is None or focus is None or focus.image_size != frame.image_size:
            return None
        if self.expected_box is not None:
            box = frame.scale.box_to_image(self.expected_box)
        if box is None:
            return None
        elapsed = max(frame.stamp - focus.stamp, 0) / SECOND
        # What is missing to the usual area is missing on one side, as behind a post.
        hidden = max(focus.usual**2 / focus.size - focus.size, 0.0)
        reach = REACH * focus.size + hidden + focus.speed * elapsed
        return box + np.array([-reach, -reach, reach, reach])

    def at_prompt(self, frame: CachedFrame, prompt: Prompt, cumulative: bool) -> TrackedObject:
        """
        Return the object on the frame of a prompt, from which its motion starts anew.

        :param cumulative: whether earlier prompts on the same frame still count.
        """
        if cumulative and self.prompt is not None and self.prompt_stamp == frame.stamp:
            prompt = prompt.added_to(self.prompt)
        return replace(
            self,
            prompt=replace(prompt, box=prompt.extent, mask=None),
            prompt_stamp=frame.stamp,
            selector=self.selector.restart(),
            stamp=frame.stamp,
            image_size=frame.image_size,
            focus=None,
            expected_box=None,
            seen_box=None,
            distrusted=False,
        )

    def recognised(self, decision: Decision) -> Decision:
        """
        Return a decision on its newest frame after a comparison with its appearances.

        An object that is distrusted must be certain, as long as masks are verified.
        """
        least, certain = self.settings.familiarity, self.settings.certain_familiarity
        if least is None:
            return decision
        if self.distrusted and certain is not None:
            least = max(least, certain)
        return decision.compared([each for _, each in self.appearances], least)

    def seen_as(self, appearance: Appearance | None) -> TrackedObject:
        """Return the object with its appearance on its newest frame, which was prompted."""
        if appearance is None or not appearance.any():
            return self
        kept = self.appearances
        if kept and kept[-1][0] == self.stamp:
            kept = kept[:-1]
        kept = (*kept, (self.stamp, appearance))
        if len(kept) > self.settings.conditioning_memories:
            kept = (kept[0], *kept[2:])
        return replace(self, appearances=kept)

    def updated(self, decision: Decision, learning: bool = True) -> TrackedObject:
        """
        Return the object after a decision on its newest frame.

        :param learning: whether the mask is a measurement for the motion model; that of another
            object never is.
        """
        selector = self.selector
        if learning and not decision.duplicate_of:
            selector = selector.update(decision.choice)
        if decision.seen:
            return replace(self, selector=selector, unseen=0, searched=0, distrusted=False)
        if self.unseen > self.settings.lost_after:
            selector = selector.restart()
        return replace(self, selector=selector)

    def facts_of(self, decision: Decision, frame: CachedFrame) -> FrameFacts:
        """Return the facts to remember of a frame, with the growth of the mask decided on."""
        box = frame.scale.box_to_image(decision.choice.box) if decision.seen else None
        return decision.facts if box is None else self.with_growth(decision.facts, box, frame)

    def with_growth(self, facts: FrameFacts, box: Box, frame: CachedFrame) -> FrameFacts:
        """Return facts of a frame with the growth of a mask whose box is [4] image pixels."""
        if self.focus is None or self.focus.image_size != self.image_size:
            return facts
        return replace(facts, growth=self.focus.growth(box, frame.stamp))

    def reported(
        self, decision: Decision, frame: CachedFrame, images: MaskImages, index: int
    ) -> TrackedObject:
        """
        Return the object with its track on its newest frame.

        :param images: masks of several objects, of which this object's has the given index.
        """
        scale, choice, motion = frame.scale, decision.choice, self.selector.motion
        state = self._state(decision)
        expected = None if state > TrackState.OCCLUDED else self.expected_box
        velocity, distance = (0.0, 0.0), 0.0
        if motion is not None:
            velocity = scale.velocity_to_image(motion.velocity, self.settings.frame_period)
            distance = motion.mahalanobis_distance
        track = Track(
            object_id=self.object_id,
            label=self.label,
            stamp=frame.stamp,
            image_size=frame.image_size,
            state=state,
            time_since_seen=self.unseen,
            mask_affinity_score=choice.affinity,
            object_score=decision.object_logit,
            motion_score=math.nan if choice.motion_score is None else choice.motion_score,
            confidence=self._confidence(decision) if decision.seen else 0.0,
            predicted_box=None if expected is None else scale.box_to_image(expected),
            velocity=velocity,
            duplicate_of=decision.duplicate_of,
            mahalanobis_distance=distance,
            network_box=scale.box_to_image(choice.box) if decision.seen else None,
            images=images,
            index=index,
        )
        focus, box = self.focus, track.network_box
        if focus is not None and focus.image_size == frame.image_size:
            sure = choice.affinity >= self.settings.stable_affinity
            focus = focus.after(box, frame.stamp, sure=sure)
        else:
            focus = None if box is None else Focus.on(box, frame.image_size, frame.stamp)
            # A prompt that says how large the object is knows it better than the answer.
            if self.prompt is not None and self.prompt_stamp == frame.stamp:
                known_box = self.prompt.extent
                if focus is not None and known_box is not None:
                    focus = Focus.on(known_box, frame.image_size, frame.stamp)
        return replace(self, track=track, focus=focus, seen_box=box)

    def _state(self, decision: Decision) -> TrackState:
        settings = self.settings
        if decision.seen:
            return TrackState.TRACKED
        if self.unseen <= settings.lost_after:
            return TrackState.OCCLUDED
        if settings.forget_after and self.searched > settings.forget_after:
            return TrackState.FORGOTTEN
        return TrackState.LOST

    def _confidence(self, decision: Decision) -> float:
        choice, quality = decision.choice, decision.choice.affinity
        if choice.motion_score is not None:
            weight = self.settings.motion_weight
            quality = weight * choice.motion_score + (1 - weight) * choice.affinity
        # Written so that a large negative logit does not overflow.
        return quality * 0.5 * (1 + math.tanh(decision.object_logit / 2))
