# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""One object that is followed: what a tracker keeps of it between frames."""

from __future__ import annotations

from dataclasses import dataclass, field
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.memory.bank import MemoryBank, Scores
from sam_tracker.tracking.motion.mask_selector import Choice, MaskSelector
from sam_tracker.tracking.seen_frame import SeenFrame
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import Track, TrackState


@dataclass
class Sighting:
    """What was decided about one object on one frame."""

    choice: Choice
    object_logit: float
    bound: Box
    """[4] first and last column and row of the decoded mask; meaningless when it is empty."""
    present: bool
    """Whether the object logit says that the object is in the image."""
    predicted_box: Box | None = None
    """[4] inclusive network pixels."""
    duplicate_of: int = 0

    @property
    def seen(self) -> bool:
        return self.present and not self.choice.empty and not self.duplicate_of

    @property
    def scores(self) -> Scores:
        """What decides whether it is remembered; another object's mask never is."""
        logit = -math.inf if self.duplicate_of else self.object_logit
        return Scores(self.choice.affinity, logit, self.choice.motion_score)


@dataclass
class TrackedObject:
    """The state of one object; a tracker owns it."""

    object_id: int
    label: str
    row: int
    """Its row in the memory store."""
    settings: TrackerSettings
    bank: MemoryBank
    selector: MaskSelector
    stamp: int
    """Of the newest frame it was brought to."""
    image_size: tuple[int, int]
    """Width and height of that frame."""
    track: Track | None = None
    """What was last reported of it."""
    unseen: int = 0
    """Nanoseconds since it was seen."""
    may_share: set[int] = field(default_factory=set)
    """Objects whose pixels it may have too; see ``contest``."""

    def expect(self, frame: SeenFrame, camera_motion: NDArray[np.float64] | None) -> Box | None:
        """
        Bring clock and motion to a frame before it is looked at.

        :param camera_motion: since its newest frame, as for ``Motion.predict``.
        :returns: [4] where the object is expected, in inclusive network pixels, or None.

        A clock that went back, or an image of other proportions, says nothing of how the object
        moved: the motion starts anew, and everything else stays.
        """
        elapsed = frame.stamp - self.stamp
        width, height = self.image_size
        if elapsed < 0 or frame.width * height != frame.height * width:
            self.selector = self.selector.restart()
        elapsed = max(elapsed, 0)
        self.stamp, self.image_size = frame.stamp, (frame.width, frame.height)
        self.unseen += elapsed
        self.selector = self.selector.predict(elapsed / self.settings.frame_period, camera_motion)
        return self.selector.expected_box

    def take_in(self, sighting: Sighting) -> None:
        """Learn from what was decided on the frame, except from another object's mask."""
        if not sighting.duplicate_of:
            self.selector = self.selector.update(sighting.choice)
        if sighting.seen:
            self.unseen = 0
        elif self.unseen > self.settings.lost_after:
            self.selector = self.selector.restart()

    def report(
        self,
        sighting: Sighting,
        frame: SeenFrame,
        scale: ImageScale,
        images: MaskImages,
        index: int,
    ) -> Track:
        """Say, and keep, what is known of the object on the frame."""
        state = TrackState.TRACKED
        if not sighting.seen:
            lost = self.unseen > self.settings.lost_after
            state = TrackState.LOST if lost else TrackState.OCCLUDED
        choice, motion = sighting.choice, self.selector.motion
        predicted = None if state is TrackState.LOST else sighting.predicted_box
        velocity, distance = (0.0, 0.0), 0.0
        if motion is not None:
            velocity = scale.velocity_to_image(motion.velocity, self.settings.frame_period)
            distance = motion.mahalanobis_distance
        self.track = Track(
            object_id=self.object_id,
            label=self.label,
            stamp=frame.stamp,
            image_size=(frame.width, frame.height),
            state=state,
            time_since_seen=self.unseen,
            mask_affinity_score=choice.affinity,
            object_score=sighting.object_logit,
            motion_score=math.nan if choice.motion_score is None else choice.motion_score,
            confidence=self._confidence(sighting) if sighting.seen else 0.0,
            predicted_box=None if predicted is None else scale.box_to_image(predicted),
            velocity=velocity,
            duplicate_of=sighting.duplicate_of,
            mahalanobis_distance=distance,
            network_box=scale.box_to_image(choice.box) if sighting.seen else None,
            images=images,
            index=index,
        )
        return self.track

    def _confidence(self, sighting: Sighting) -> float:
        choice, quality = sighting.choice, sighting.choice.affinity
        if choice.motion_score is not None:
            weight = self.settings.motion_weight
            quality = weight * choice.motion_score + (1 - weight) * choice.affinity
        # Written so that a large negative logit does not overflow.
        return quality * 0.5 * (1 + math.tanh(sighting.object_logit / 2))
