# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Selection of a candidate mask (SAMURAI, arXiv 2411.11922, section 3.2).

The motion model of an object counts only while it is trusted: after enough confirmed frames in a
row, a candidate's score is the weighted sum of how well its box fits the expected one and of the
IoU that the network predicts for it. Until then, and after every frame that confirms nothing, the
predicted IoU alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box
from sam_tracker.tracking.motion.api import Motion
from sam_tracker.tracking.motion.registry import MOTION_MODELS
from sam_tracker.tracking.settings import TrackerSettings

USUAL_STEPS = 4.0
"""A step up to so many times as long as the one before is no gap, however slow the stream is."""


@dataclass(frozen=True)
class Choice:
    """The candidate mask that was chosen for an object."""

    index: int
    """Its number among the candidates."""
    affinity: float
    """Its mask affinity s_mask, the IoU that the network predicts for it."""
    box: Box
    """[4] its box, inclusive pixels of the network's input; zeros when it is empty."""
    motion_score: float | None
    """s_kf, how well its box fits the expected one; None while the motion is not trusted."""

    @property
    def empty(self) -> bool:
        """Whether it has no pixel (or, as in the released code, the top left one alone)."""
        return not np.any(self.box)


@dataclass(frozen=True, eq=False)
class MaskSelector:
    """
    The motion of one object and whether it is trusted: an immutable value.

    For a frame: ``predict``, then ``choose``, then ``update`` if the object was seen.
    """

    settings: TrackerSettings
    motion: Motion | None = None
    """None: no mask was measured yet, or there is no motion model."""
    confirmed: int = 0
    """Frames in a row that confirmed the motion, at most ``stable_frames``."""
    last_step: float = 0.0
    """Length of the last step, in nominal periods."""

    @property
    def stable(self) -> bool:
        """Whether the motion is trusted."""
        return self.confirmed >= self.settings.stable_frames

    def restart(self) -> MaskSelector:
        """Return a selector without motion: after a prompt, a jump in time, or a loss."""
        return replace(self, motion=None, confirmed=0)

    def predict(
        self, steps: float, camera_motion: NDArray[np.float64] | None = None
    ) -> MaskSelector:
        """
        Return the selector at the next frame; the motion starts anew after a gap in the stream.

        :param steps: nominal periods since the last frame.
        :param camera_motion: as for ``Motion.predict``.
        """
        selector = self
        # At one image a second, every step is as long as a gap of a faster stream.
        if steps > max(self.settings.longest_step, USUAL_STEPS * self.last_step):
            selector = self.restart()
        motion = selector.motion
        if motion is not None:
            motion = motion.predict(steps, camera_motion)
        return replace(selector, motion=motion, last_step=steps)

    @property
    def expected_box(self) -> Box | None:
        """[4] after ``predict``: where the object is expected; None without a motion."""
        return None if self.motion is None else self.motion.box

    def choose(self, affinities: NDArray[np.float64], boxes: NDArray[np.float64]) -> Choice:
        """
        Choose among C candidates.

        :param affinities: [C] the IoU predicted for each.
        :param boxes: [C, 4] their boxes, zeros for an empty one.
        """
        if self.motion is None or not self.stable:
            index = int(np.argmax(affinities))
            return Choice(index, float(affinities[index]), boxes[index], None)
        weight, scores = self.settings.motion_weight, self.motion.scores(boxes)
        index = int(np.argmax(weight * scores + (1 - weight) * affinities))
        return Choice(index, float(affinities[index]), boxes[index], float(scores[index]))

    def scored_again(self, choice: Choice) -> Choice:
        """Return a choice whose box has changed, with the motion score of that box."""
        if choice.motion_score is None or self.motion is None:
            return choice
        return replace(choice, motion_score=float(self.motion.scores(choice.box[None])[0]))

    def update(self, choice: Choice) -> MaskSelector:
        """
        Return the selector after a mask was chosen.

        A mask whose affinity is too low ends the trust. One without a pixel is no measurement,
        unless the model has it so.
        """
        settings = self.settings
        if settings.motion_model is None:
            return self
        model = MOTION_MODELS[settings.motion_model]
        measured = model.learns_from_empty_masks or not choice.empty
        if self.motion is None or self.confirmed == 0:
            if not measured:
                return self
            return replace(self, motion=model.start(choice.box), confirmed=1)
        missed = choice.affinity < settings.stable_affinity
        # The released code counts the threshold itself as a miss until the motion is stable.
        if missed or (not self.stable and choice.affinity == settings.stable_affinity):
            return replace(self, confirmed=0)
        if not measured:
            return self
        confirmed = min(self.confirmed + 1, settings.stable_frames)
        return replace(self, motion=self.motion.update(choice.box), confirmed=confirmed)
