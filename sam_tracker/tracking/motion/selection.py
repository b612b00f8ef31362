# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Which of the candidate masks is the object (SAMURAI, arXiv 2411.11922, section 3.2).

The motion model of an object has a say only while it has proven itself: after enough confirmed
frames in a row, a candidate is worth a weighted sum of how well it lies where the object was
expected and how good the network thinks it is. Until then, and after every frame that confirmed
nothing, the network decides alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.tracking.motion.kalman_box import BoxFilter
from sam_tracker.tracking.settings import TrackerSettings


@dataclass(frozen=True)
class Choice:
    """The candidate that was taken for the object."""

    index: int
    """Its number among the candidates."""
    affinity: float
    """Its mask affinity s_mask, the IoU that the network predicts for it."""
    box: Box
    """[4] its box, inclusive pixels of the network's resolution; zeros when it is empty."""
    motion_score: float | None
    """s_kf, its overlap with the expected box; None while the motion is not trusted."""

    @property
    def empty(self) -> bool:
        """Whether it has no pixel (or, as in the released code, the top left one alone)."""
        return not np.any(self.box)


class Motion:
    """
    The motion model of one object, and how far it is trusted.

    Within a frame: ``predict``, then ``choose``, then ``learn``, unless the object was not seen.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        self.filter = BoxFilter(settings.parametrisation)
        self.confirmed = 0
        """Frames in a row that confirmed the motion, at most ``stable_frames``."""

    @property
    def stable(self) -> bool:
        return self.confirmed >= self.settings.stable_frames

    def restart(self) -> None:
        """Forget all: after a prompt, a jump in time, or when the object is lost."""
        self.filter.forget()
        self.confirmed = 0

    def predict(self, steps: float) -> Box | None:
        """
        Move on by ``steps`` nominal periods.

        :returns: [4] where the object is expected; None when there is no motion to go by.
        """
        if steps > self.settings.longest_step:
            self.restart()
        if not self.filter.started:
            return None
        self.filter.predict(steps)
        return self.filter.box

    def choose(self, affinities: NDArray[np.float64], boxes: NDArray[np.float64]) -> Choice:
        """
        Choose among C candidates; changes nothing.

        :param affinities: [C] the IoU predicted for each.
        :param boxes: [C, 4] their boxes, zeros for an empty one.
        """
        scores: list[float | None] = [None] * len(affinities)
        if self.stable and self.filter.started:
            expected, weight = self.filter.box, self.settings.motion_weight
            motion = box_iou(expected, boxes)
            index = int(np.argmax(weight * motion + (1 - weight) * affinities))
            scores[index] = float(motion[index])
        else:
            index = int(np.argmax(affinities))
        return Choice(index, float(affinities[index]), boxes[index], scores[index])

    def learn(self, choice: Choice) -> None:
        """
        Take the chosen mask as what the object did, if it is good enough to be believed.

        A mask without a pixel teaches nothing, unless the settings ask for it as the released
        code does; an affinity too low stops the trust all the same.
        """
        affinity, settings = choice.affinity, self.settings
        measured = not choice.empty or settings.learn_from_empty_masks
        if not self.filter.started or self.confirmed == 0:
            if measured:
                self.filter.start(choice.box)
                self.confirmed = 1
        elif affinity < settings.stable_affinity or (
            # The released code counts the threshold itself as a miss until the motion is stable.
            not self.stable and affinity == settings.stable_affinity
        ):
            self.confirmed = 0
        elif measured:
            self.filter.update(choice.box)
            self.confirmed = min(self.confirmed + 1, settings.stable_frames)
