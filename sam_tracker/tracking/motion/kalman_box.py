# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Where a box will be next: a Kalman filter of constant velocity for one object.

Boxes here are [x_min, y_min, x_max, y_max] as SAMURAI measures them: the first and the last
column and row of a mask at the network's resolution, both inclusive. Time is counted in nominal
frame periods; a step may have any length.

The noise follows SORT and its descendants, from which the released SAMURAI code has it: standard
deviations are a fixed share of the object's size.
"""

import enum

from filterpy.kalman import KalmanFilter
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box

Matrix = NDArray[np.float64]

POSITION_WEIGHT = 1 / 20
"""Standard deviation of a position, as a share of the size."""
VELOCITY_WEIGHT = 1 / 160
"""Standard deviation of a velocity over one nominal period, as a share of the size."""

_SMALLEST_SIZE = 1e-3
"""Pixels; keeps the noise of a box that has shrunk to nothing away from zero."""


class Parametrisation(enum.Enum):
    """How the filter states a box, apart from its centre."""

    WIDTH_HEIGHT = 'width_height'
    """Width and height: the state of the SAMURAI paper (arXiv 2411.11922); noise as BoT-SORT."""
    ASPECT_HEIGHT = 'aspect_height'
    """Width over height, and height: the state of the released SAMURAI code; noise as SORT's."""


class BoxFilter:
    """
    The box of one object as a state of eight: centre, two sizes, and the velocities of the four.

    A new filter knows nothing: ``start`` gives it its first box. Between frames ``predict`` moves
    it on, and ``update`` tells it what was measured.
    """

    def __init__(self, parametrisation: Parametrisation) -> None:
        self.parametrisation = parametrisation
        self._kalman: KalmanFilter | None = None

    @property
    def started(self) -> bool:
        return self._kalman is not None

    def forget(self) -> None:
        """Return to knowing nothing."""
        self._kalman = None

    def start(self, box: Box) -> None:
        """Begin anew at a measured box, at rest."""
        measurement = self._measurement(box)
        kalman = KalmanFilter(dim_x=8, dim_z=4)
        kalman.H = np.eye(4, 8)
        kalman.x = np.concatenate((measurement, np.zeros(4)))
        kalman.y = np.zeros(4)
        position, velocity = self._deviations(measurement)
        position, velocity = 2 * position, 10 * velocity
        if self.parametrisation is Parametrisation.ASPECT_HEIGHT:
            position[2], velocity[2] = 1e-2, 1e-5
        kalman.P = np.diag(np.concatenate((position, velocity)) ** 2)
        self._kalman = kalman

    def predict(self, steps: float = 1.0) -> None:
        """
        Move the state on by ``steps`` nominal frame periods.

        Raises ``ValueError`` when ``steps`` is negative or not finite.
        """
        if not 0 <= steps < np.inf:
            raise ValueError(f'a step is a number of periods from 0 on, not {steps}')
        kalman = self._require()
        transition = np.eye(8)
        transition[:4, 4:] = steps * np.eye(4)
        position, velocity = self._deviations(kalman.x[:4])
        kalman.predict(F=transition, Q=process_noise(position, velocity, steps))

    def update(self, box: Box) -> None:
        """Correct the state by a measured box."""
        kalman = self._require()
        deviations = self._deviations(kalman.x[:4])[0]
        if self.parametrisation is Parametrisation.ASPECT_HEIGHT:
            deviations[2] = 1e-1
        kalman.update(self._measurement(box), R=np.diag(deviations**2))

    @property
    def mean(self) -> NDArray[np.float64]:
        """[8] centre x, centre y, the two sizes, and their velocities per nominal period."""
        return self._require().x

    @property
    def covariance(self) -> Matrix:
        """[8, 8] of ``mean``."""
        return self._require().P

    @property
    def box(self) -> Box:
        """[4] the box of the state: after ``predict`` the expected one."""
        x, y, width, height = self.mean[:4]
        if self.parametrisation is Parametrisation.ASPECT_HEIGHT:
            width = width * height
        return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])

    @property
    def velocity(self) -> NDArray[np.float64]:
        """[2] of the centre, in pixels per nominal period."""
        return self.mean[4:6]

    @property
    def innovation(self) -> NDArray[np.float64]:
        """[4] the last measurement less what was expected, in units of the measurement."""
        return np.asarray(self._require().y).reshape(4)

    @property
    def mahalanobis_distance(self) -> float:
        """
        How many standard deviations the last measurement lay from what was expected.

        Its square follows the chi-squared distribution of four degrees of freedom while the
        object moves as the filter believes: above 9.5 in one frame of twenty. 0 before the first
        update.
        """
        return float(self._require().mahalanobis)

    def _require(self) -> KalmanFilter:
        if self._kalman is None:
            raise RuntimeError('the motion filter has not been started')
        return self._kalman

    def _measurement(self, box: Box) -> NDArray[np.float64]:
        x_min, y_min, x_max, y_max = (float(value) for value in box)
        width, height = x_max - x_min, y_max - y_min
        centre = (x_min + width / 2, y_min + height / 2)
        if self.parametrisation is Parametrisation.ASPECT_HEIGHT:
            height = height or 1.0
            return np.array([*centre, width / height, height])
        return np.array([*centre, width, height])

    def _deviations(self, state: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
        """[4] and [4]: standard deviations of positions and velocities at the state's size."""
        if self.parametrisation is Parametrisation.ASPECT_HEIGHT:
            size = np.full(4, state[3])
        else:
            size = state[[2, 3, 2, 3]]
        # A coasting filter may let a size pass through zero; only its amount matters here.
        size = np.maximum(np.abs(size), _SMALLEST_SIZE)
        position, velocity = POSITION_WEIGHT * size, VELOCITY_WEIGHT * size
        if self.parametrisation is Parametrisation.ASPECT_HEIGHT:
            position[2], velocity[2] = 1e-2, 1e-5
        return position, velocity


def process_noise(
    position: NDArray[np.float64], velocity: NDArray[np.float64], steps: float
) -> Matrix:
    """
    Return the covariance [2N, 2N] that a step of ``steps`` nominal periods adds.

    :param position: [N] standard deviations that one period adds to positions.
    :param velocity: [N] the same for velocities.

    It is that continuous white noise whose sum over one period is diagonal, as the reference
    states it. So steps compose: two of a half, or one of three, add what the same time in single
    periods adds.
    """
    position, velocity = position**2, velocity**2
    n = steps
    cross = np.diag(velocity * n * (n - 1) / 2)
    return np.block(
        [
            [np.diag(position * n + velocity * n * (n - 1) * (2 * n - 1) / 6), cross],
            [cross, np.diag(velocity * n)],
        ]
    )
