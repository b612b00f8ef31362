# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A motion model that compensates camera motion while that improves its predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.tracking.motion.kalman_box import KalmanBox
from sam_tracker.tracking.motion.parametrisation import Parametrisation

DECAY = 0.9
"""Share that the past keeps, with each measurement, in the comparison of the two predictions."""


@dataclass(frozen=True, eq=False)
class CameraAwareBox:
    """
    A ``Motion`` made of two Kalman filters, one of which compensates the motion of the camera.

    When the camera turns, what stands still moves in the image, and the filter that compensates
    predicts better. When the camera follows the object, this stays in its place, and the other one
    does. Both get the same measurements, and the one whose recent predictions overlapped
    more with them is used. Until the camera's motion is known for the first time the two are one.
    """

    ignoring: KalmanBox
    """Ignores the motion of the camera."""
    following: KalmanBox | None = None
    """Compensates the motion of the camera where that is known."""
    advantage: float = 0.0
    """Recent mean IoU of ``following`` with what was measured, less that of ``ignoring``."""

    @classmethod
    def start(cls, parametrisation: Parametrisation, box: Box) -> CameraAwareBox:
        """Return the motion of an object at rest in a measured box [4]."""
        return cls(KalmanBox.start(parametrisation, box))

    @property
    def used(self) -> KalmanBox:
        """The filter whose recent predictions were better."""
        if self.following is None or self.advantage < 0:
            return self.ignoring
        return self.following

    @property
    def box(self) -> Box:
        return self.used.box

    @property
    def velocity(self) -> NDArray[np.float64]:
        return self.used.velocity

    @property
    def mahalanobis_distance(self) -> float:
        return self.used.mahalanobis_distance

    def predict(
        self, steps: float, camera_motion: NDArray[np.float64] | None = None
    ) -> CameraAwareBox:
        following = self.following
        if following is None and camera_motion is not None:
            following = self.ignoring
        if following is not None:
            following = following.predict(steps, camera_motion)
        return replace(self, ignoring=self.ignoring.predict(steps), following=following)

    def scores(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.used.scores(boxes)

    def update(self, box: Box) -> CameraAwareBox:
        if self.following is None:
            return replace(self, ignoring=self.ignoring.update(box))
        gain = float(box_iou(self.following.box, box) - box_iou(self.ignoring.box, box))
        return CameraAwareBox(
            self.ignoring.update(box),
            self.following.update(box),
            DECAY * self.advantage + (1 - DECAY) * gain,
        )
