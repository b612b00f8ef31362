# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A Kalman filter of constant velocity for the visible surface of an object."""

from __future__ import annotations

from dataclasses import dataclass
import math

from filterpy.kalman import predict, update
import numpy as np
from numpy.typing import NDArray

MEASURED = np.eye(6, 9)
"""What is measured of the state: both ends."""
BOTH = np.ones((2, 2))
"""Repeats what is the same for both ends."""
FIRST_SPEED = 2.0
"""Metres per second: standard deviation of an object's velocity before it is known."""
BORDER = 0.01
"""Metres: standard deviation of an end that moves with its object."""
CREEP = 0.005
"""Metres by which an end and its object drift apart in one second, one standard deviation."""
MEMORY = 0.5
"""Seconds over which the errors of an end are averaged."""
SETTLING = 1.0
"""Seconds in which an end that has moved on its object is followed there."""


@dataclass(frozen=True, eq=False)
class SurfaceMotion:
    """
    Where a surface begins and ends along each axis, and its velocity; in metres and seconds.

    The two ends share one velocity, and each counts by how steadily it has moved with it: when
    another thing hides one side, when a side turns out of view or when the mask loses a part, the
    end of that side moves and the other does not. The mean of the points would move with it. An
    end that stays elsewhere is followed within seconds, without an effect on the velocity.
    """

    mean: NDArray[np.float64]
    """[9] lower end, upper end, velocity."""
    covariance: NDArray[np.float64]
    """[9, 9] of ``mean``."""
    variance: NDArray[np.float64]
    """[6] of each end, as its errors of the last time show; square metres."""

    @classmethod
    def start(cls, ends: NDArray[np.float64], covariance: NDArray[np.float64]) -> SurfaceMotion:
        """
        Return the motion of a surface that was measured once.

        :param ends: [2, 3] the lower and the upper end along each axis.
        :param covariance: [3, 3] of an error that both have in common.
        """
        whole = np.zeros((9, 9))
        whole[:6, :6] = np.kron(BOTH, covariance) + BORDER**2 * np.eye(6)
        whole[6:, 6:] = FIRST_SPEED**2 * np.eye(3)
        return cls(np.concatenate((ends.reshape(-1), np.zeros(3))), whole, np.zeros(6))

    @property
    def centre(self) -> NDArray[np.float64]:
        """[3] the middle between the ends."""
        return self.mean[:6].reshape(2, 3).mean(0)

    @property
    def centre_covariance(self) -> NDArray[np.float64]:
        """[3, 3]."""
        return self.covariance[:6, :6].reshape(2, 3, 2, 3).mean((0, 2))

    @property
    def velocity(self) -> NDArray[np.float64]:
        """[3]."""
        return self.mean[6:]

    @property
    def velocity_covariance(self) -> NDArray[np.float64]:
        """[3, 3]."""
        return self.covariance[6:, 6:]

    def predict(self, seconds: float, acceleration: float) -> SurfaceMotion:
        """
        Return the motion some time later.

        Process noise is continuous white noise of the acceleration, so steps compose.

        :param seconds: not negative.
        :param acceleration: metres per second by which the velocity drifts in one second, one
            standard deviation.
        """
        transition = np.eye(9) + seconds * (np.eye(9, k=3) + np.eye(9, k=6))
        transition[:3, 3:6] = 0
        place, mixed = seconds**3 / 3, seconds**2 / 2
        drift = [[place, place, mixed], [place, place, mixed], [mixed, mixed, seconds]]
        noise = acceleration**2 * np.kron(drift, np.eye(3))
        noise[:6, :6] += CREEP**2 * seconds * np.eye(6)
        mean, covariance = predict(self.mean, self.covariance, transition, noise)
        return SurfaceMotion(mean, covariance, self.variance)

    def distance(self, ends: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
        """
        Return the Mahalanobis distance by which both ends have moved together.

        :param ends: as for ``start``.
        :param covariance: as for ``start``.
        """
        together = _together(self._innovation(ends))
        steadier = self.variance.reshape(2, 3).min(0)
        spread = self.covariance[:3, :3] + covariance + np.diag(steadier + BORDER**2)
        return math.sqrt(float(together @ np.linalg.solve(spread, together)))

    def update(
        self, ends: NDArray[np.float64], covariance: NDArray[np.float64], seconds: float
    ) -> SurfaceMotion:
        """
        Return the motion after a measurement.

        :param ends: as for ``start``.
        :param covariance: as for ``start``.
        :param seconds: since the measurement before.
        """
        innovation = self._innovation(ends)
        alone = (innovation - _together(innovation)).reshape(-1)
        error = alone**2
        variance = self.variance - math.expm1(-seconds / MEMORY) * (error - self.variance)
        noise = np.diag(np.maximum(variance, error) + BORDER**2)
        noise += np.kron(BOTH, covariance)
        # As after a mask that was too small at first: left behind, an end would seem to move alone
        # for ever, and the object not at all.
        expected = self.mean.copy()
        expected[:6] -= math.expm1(-seconds / SETTLING) * alone
        mean, whole = update(expected, self.covariance, ends.reshape(-1), noise, MEASURED)
        return SurfaceMotion(mean, whole, variance)

    def _innovation(self, ends: NDArray[np.float64]) -> NDArray[np.float64]:
        return ends - self.mean[:6].reshape(2, 3)


def _together(innovation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much [3] both ends [2, 3] have moved along each axis: at least, and signed."""
    low, high = innovation
    least = np.copysign(np.minimum(np.abs(low), np.abs(high)), low)
    return np.where(low * high > 0, least, 0.0)
