# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A Kalman filter of constant velocity for a point in space."""

from __future__ import annotations

from dataclasses import dataclass
import math

from filterpy.kalman import predict, update
import numpy as np
from numpy.typing import NDArray

MEASURED = np.eye(3, 6)
"""What is measured of the state: the position."""
FIRST_SPEED = 2.0
"""Metres per second: standard deviation of an object's velocity before it is known."""


@dataclass(frozen=True, eq=False)
class PointMotion:
    """Position and velocity of one object; in any frame, in metres and seconds."""

    mean: NDArray[np.float64]
    """[6] position and velocity."""
    covariance: NDArray[np.float64]
    """[6, 6] of ``mean``."""

    @classmethod
    def start(cls, position: NDArray[np.float64], covariance: NDArray[np.float64]) -> PointMotion:
        """Return the motion of an object that was measured once: [3] and [3, 3]."""
        whole = np.zeros((6, 6))
        whole[:3, :3] = covariance
        whole[3:, 3:] = FIRST_SPEED**2 * np.eye(3)
        return cls(np.concatenate((position, np.zeros(3))), whole)

    @property
    def position(self) -> NDArray[np.float64]:
        return self.mean[:3]

    @property
    def velocity(self) -> NDArray[np.float64]:
        return self.mean[3:]

    def predict(self, seconds: float, acceleration: float) -> PointMotion:
        """
        Return the motion some time later.

        Process noise is continuous white noise of the acceleration, so steps compose.

        :param seconds: not negative.
        :param acceleration: metres per second by which the velocity drifts in one second, one
            standard deviation.
        """
        transition = np.eye(6) + seconds * np.eye(6, k=3)
        noise = np.kron([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]], np.eye(3))
        mean, covariance = predict(self.mean, self.covariance, transition, acceleration**2 * noise)
        return PointMotion(mean, covariance)

    def distance(self, position: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
        """Return the Mahalanobis distance of a measured position [3], covariance [3, 3]."""
        innovation = position - self.mean[:3]
        spread = self.covariance[:3, :3] + covariance
        return math.sqrt(float(innovation @ np.linalg.solve(spread, innovation)))

    def update(
        self, position: NDArray[np.float64], covariance: NDArray[np.float64]
    ) -> PointMotion:
        """Return the motion after a measured position [3] with its covariance [3, 3]."""
        return PointMotion(*update(self.mean, self.covariance, position, covariance, MEASURED))
