# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A Kalman filter of constant velocity for the box of one object.

filterpy is imported where it is used first, in a node while it warms up: it imports the statistics
of SciPy, which takes 0.7 s and which programs that do not track can do without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.core.homography import local_motion
from sam_tracker.tracking.motion.parametrisation import Parametrisation

Matrix = NDArray[np.float64]

_VELOCITIES = np.eye(8, k=4)
"""What a period adds to the state: the velocities."""
_MEASURED = np.eye(4, 8)
"""What is measured of the state: all but the velocities."""


@dataclass(frozen=True, eq=False)
class KalmanBox:
    """
    A ``Motion`` whose state is eight numbers: four that describe a box, and their velocities.

    Boxes and time are as in ``motion.api``. Where the motion of the camera is known, state and
    covariance are first carried over to the new view, linearised around the box as in an extended
    Kalman filter (BoT-SORT, arXiv 2206.14651, does the same with affine maps).
    """

    parametrisation: Parametrisation
    mean: NDArray[np.float64]
    """[8] the four numbers of the box and their velocities per nominal period."""
    covariance: Matrix
    """[8, 8] of ``mean``."""
    mahalanobis_distance: float = 0.0
    """
    Of the last measurement to what was expected.

    Its square follows the chi-squared distribution of four degrees of freedom while the object
    moves as the filter assumes: above 9.5 in one frame of twenty. 0 before the first update.
    """

    @classmethod
    def start(cls, parametrisation: Parametrisation, box: Box) -> KalmanBox:
        """Return the motion of an object at rest in a measured box [4]."""
        state = parametrisation.state(box)
        deviations = np.concatenate(parametrisation.initial_deviations(state))
        mean = np.concatenate((state, np.zeros(4)))
        return cls(parametrisation, mean, np.diag(deviations**2))

    @property
    def box(self) -> Box:
        return self.parametrisation.box(self.mean[:4])

    @property
    def velocity(self) -> NDArray[np.float64]:
        return self.mean[4:6]

    def predict(self, steps: float, camera_motion: Matrix | None = None) -> KalmanBox:
        if not 0 <= steps < np.inf:
            raise ValueError(f'a step is a number of periods from 0 on, not {steps}')
        if camera_motion is not None:
            return self._seen_after(camera_motion).predict(steps)
        from filterpy.kalman import predict

        transition = np.eye(8) + steps * _VELOCITIES
        deviations = self.parametrisation.process_deviations(self.mean[:4])
        mean, covariance = predict(
            self.mean, self.covariance, transition, process_noise(*deviations, steps)
        )
        return replace(self, mean=mean, covariance=covariance)

    def scores(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        return box_iou(self.box, boxes)

    def update(self, box: Box) -> KalmanBox:
        from filterpy.kalman import update

        measured = self.parametrisation.state(box)
        noise = np.diag(self.parametrisation.measurement_deviations(self.mean[:4]) ** 2)
        innovation = measured - self.mean[:4]
        squared = innovation @ np.linalg.solve(self.covariance[:4, :4] + noise, innovation)
        mean, covariance = update(self.mean, self.covariance, measured, noise, _MEASURED)
        return KalmanBox(self.parametrisation, mean, covariance, math.sqrt(squared))

    def _seen_after(self, camera_motion: Matrix) -> KalmanBox:
        """Return the same motion in the next view; unchanged if it has no place there."""
        state = self.mean[:4]
        box = self.parametrisation.box(state)
        moved = local_motion(camera_motion, state[:2])
        extent = box[2:] - box[:2]
        if moved is None or not extent.all():
            return self
        sides, of_sides = moved.sides(extent)
        corners = np.concatenate((moved.point - sides / 2, moved.point + sides / 2))
        expected = self.parametrisation.state(corners)
        before, after = map(self.parametrisation.sides_jacobian, (state, expected))
        change = np.zeros((4, 4))
        change[:2, :2] = moved.jacobian
        change[2:, 2:] = np.linalg.solve(after, of_sides @ before)
        both = np.kron(np.eye(2), change)
        return replace(
            self,
            mean=np.concatenate((expected, change @ self.mean[4:])),
            covariance=both @ self.covariance @ both.T,
        )


def process_noise(
    position: NDArray[np.float64], velocity: NDArray[np.float64], steps: float
) -> Matrix:
    """
    Return the covariance [2N, 2N] that a step of ``steps`` nominal periods adds.

    It is that continuous white noise whose sum over one period is diagonal, as in the released
    SAMURAI code. So steps compose: two of a half, or one of three, add what the same time in
    single periods adds.

    :param position: [N] standard deviations that one period adds to positions.
    :param velocity: [N] the same for velocities.
    """
    position, velocity = position**2, velocity**2
    n, count = steps, len(position)
    first, second = np.arange(count), np.arange(count, 2 * count)
    noise = np.zeros((2 * count, 2 * count))
    noise[first, first] = position * n + velocity * n * (n - 1) * (2 * n - 1) / 6
    noise[first, second] = noise[second, first] = velocity * n * (n - 1) / 2
    noise[second, second] = velocity * n
    return noise
