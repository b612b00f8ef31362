# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
State parametrisations of a box for a Kalman filter, and their noise.

The noise follows SORT and its descendants, from which the released SAMURAI code has it: standard
deviations are a fixed share of the object's size.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box

Vector = NDArray[np.float64]

POSITION_WEIGHT = 1 / 20
"""Standard deviation of a position, as a share of the size."""
VELOCITY_WEIGHT = 1 / 160
"""Standard deviation of a velocity over one nominal period, as a share of the size."""

_SMALLEST_SIZE = 1e-3
"""Pixels; keeps the noise of a box that has shrunk to nothing away from zero."""
_ASPECT_DEVIATIONS = np.array([1e-2, 1e-5])
"""Standard deviations of the aspect ratio and its velocity."""
_MEASURED_ASPECT_DEVIATION = 1e-1


class Parametrisation(Protocol):
    """Between boxes [4] and states [4]; velocities [4] are per nominal period."""

    def state(self, box: Box) -> Vector:
        """Return the state [4] of a box."""

    def box(self, state: Vector) -> Box:
        """Return the box [4] of a state."""

    def sides_jacobian(self, state: Vector) -> Vector:
        """Return how width and height change with the last two numbers of a state, [2, 2]."""

    def initial_deviations(self, state: Vector) -> tuple[Vector, Vector]:
        """Return standard deviations [4] of a first measured state and [4] of its velocity."""

    def process_deviations(self, state: Vector) -> tuple[Vector, Vector]:
        """Return standard deviations [4] that one period adds to the state, [4] to velocities."""

    def measurement_deviations(self, state: Vector) -> Vector:
        """Return standard deviations [4] of a measured state."""


class WidthHeight:
    """Centre, width and height: the state of the SAMURAI paper (arXiv 2411.11922); as BoT-SORT."""

    def state(self, box: Box) -> Vector:
        x, y, width, height = _centre_and_size(box)
        return np.array([x, y, width, height])

    def box(self, state: Vector) -> Box:
        return _box_around(*state)

    def sides_jacobian(self, _state: Vector) -> Vector:
        return np.eye(2)

    def initial_deviations(self, state: Vector) -> tuple[Vector, Vector]:
        position, velocity = self.process_deviations(state)
        return 2 * position, 10 * velocity

    def process_deviations(self, state: Vector) -> tuple[Vector, Vector]:
        size = _positive(state[[2, 3, 2, 3]])
        return POSITION_WEIGHT * size, VELOCITY_WEIGHT * size

    def measurement_deviations(self, state: Vector) -> Vector:
        return self.process_deviations(state)[0]


class AspectHeight:
    """
    Centre, width over height, and height: the state of the released SAMURAI code; as SORT.

    It ties the noise of the width to the height and assumes that the aspect hardly changes.
    """

    def state(self, box: Box) -> Vector:
        x, y, width, height = _centre_and_size(box)
        height = height or 1.0
        return np.array([x, y, width / height, height])

    def box(self, state: Vector) -> Box:
        x, y, aspect, height = state
        return _box_around(x, y, aspect * height, height)

    def sides_jacobian(self, state: Vector) -> Vector:
        _, _, aspect, height = state
        return np.array([[height, aspect], [0.0, 1.0]])

    def initial_deviations(self, state: Vector) -> tuple[Vector, Vector]:
        position, velocity = self.process_deviations(state)
        position, velocity = 2 * position, 10 * velocity
        position[2], velocity[2] = _ASPECT_DEVIATIONS
        return position, velocity

    def process_deviations(self, state: Vector) -> tuple[Vector, Vector]:
        size = _positive(np.full(4, state[3]))
        position, velocity = POSITION_WEIGHT * size, VELOCITY_WEIGHT * size
        position[2], velocity[2] = _ASPECT_DEVIATIONS
        return position, velocity

    def measurement_deviations(self, state: Vector) -> Vector:
        deviations, _ = self.process_deviations(state)
        deviations[2] = _MEASURED_ASPECT_DEVIATION
        return deviations


def _centre_and_size(box: Box) -> tuple[float, float, float, float]:
    x_min, y_min, x_max, y_max = (float(value) for value in box)
    width, height = x_max - x_min, y_max - y_min
    return x_min + width / 2, y_min + height / 2, width, height


def _box_around(x: float, y: float, width: float, height: float) -> Box:
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def _positive(size: Vector) -> Vector:
    # A filter without measurements may let a size pass through zero; only its amount matters.
    return np.maximum(np.abs(size), _SMALLEST_SIZE)
