# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Motion as functions of time, so that any frame of a generated clip can be drawn on its own.

Time is in nominal frames (1/30 s), length in units of the frame's side, angles in radians.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
_KNOTS = 64
# Mean absolute speed of SmoothNoise with unit amplitude and period, measured.
_MEAN_SPEED = 0.8


class SmoothNoise:
    """C smooth random curves, nearly within [-1, 1], that repeat after 64 periods."""

    def __init__(self, rng: np.random.Generator, periods: ArrayLike) -> None:
        """
        Draw the knots of the curves.

        :param periods: [C], frames from one knot of each curve to the next.
        """
        self._periods = np.asarray(periods, dtype=np.float64)
        self._knots = rng.uniform(-1, 1, (len(self._periods), _KNOTS))
        self._start = rng.uniform(0, _KNOTS, len(self._periods))
        self._rows = np.arange(len(self._periods))[:, None]
        self._around = np.arange(-1, 3)

    def __call__(self, time: float) -> Array:
        """Return the values of the curves, [C], by Catmull-Rom interpolation."""
        position = self._start + time / self._periods
        whole = np.floor(position)
        f = position - whole
        index = (whole.astype(np.int64)[:, None] + self._around) % _KNOTS
        a, b, c, d = self._knots[self._rows, index].T
        value: Array = b + 0.5 * f * (
            c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))
        )
        return value


def period_for_speed(amplitude: float, speed: float) -> float:
    """Return the period, in frames, at which noise of an amplitude has this mean speed."""
    return max(3.0, _MEAN_SPEED * amplitude / max(speed, 1e-6))


@dataclass(frozen=True)
class Absence:
    """One departure from the frame and the return, in frames; displacements in [2]."""

    start: float
    ramp: float
    hold: float
    outward: Array
    inward: Array

    def offset(self, time: float) -> Array | None:
        """Return the displacement [2] from the usual path; None if there is none."""
        since = time - self.start
        if since <= 0 or since >= 2 * self.ramp + self.hold:
            return None
        if since < self.ramp + 0.5 * self.hold:
            return self.outward * _eased(since / self.ramp)
        return self.inward * _eased((2 * self.ramp + self.hold - since) / self.ramp)


def _eased(fraction: float) -> float:
    fraction = min(max(fraction, 0.0), 1.0)
    return fraction * fraction * (3 - 2 * fraction)


@dataclass(frozen=True)
class Crossing:
    """Back and forth on a straight line, which passes ``place`` at the time ``meeting``."""

    place: Array
    meeting: float
    direction: Array
    reach: float
    period: float

    def __call__(self, time: float) -> Array:
        """Return the position [2]."""
        swing = np.sin(2 * np.pi * (time - self.meeting) / self.period)
        position: Array = self.place + self.direction * (self.reach * swing)
        return position
