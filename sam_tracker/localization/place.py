# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Position of an object, and the method by which it was determined."""

from __future__ import annotations

from dataclasses import dataclass, field
import enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


class Method(enum.IntEnum):
    """How a distance was determined; the values are those of sam_tracker/msg/Track3D."""

    NONE = 0
    """Not determined: only the direction is known."""
    DEPTH = 1
    """From a depth image."""
    GROUND = 2
    """From the point at which the object touches a known ground plane."""
    PREDICTED = 3
    """The object is not visible: from its last position and velocity."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """The position of an object as one image shows it, in some frame, in metres."""

    method: Method
    position: NDArray[np.float64]
    """[3] the centre of the visible surface."""
    covariance: NDArray[np.float64]
    """[3, 3] of ``position``, square metres."""
    depth_share: float = 0.0
    """Share of the mask's pixels whose depth was used."""
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    """[N, 3] points of the surface."""
    spacing: float = 0.0
    """Distance from one point to the next, about."""

    @cached_property
    def ends(self) -> NDArray[np.float64]:
        """
        [2, 3] where the points begin and end along each axis; without points, twice the position.

        Half a percent of the points may lie beyond each end, because noise has no bounds.
        """
        if not len(self.points):
            return np.array((self.position, self.position))
        return np.quantile(self.points, [0.005, 0.995], axis=0)

    @property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """The axis-aligned box around the points: centre [3] and size [3]; None without points."""
        if not len(self.points):
            return None
        low, high = self.ends
        # A point stands for the patch around it.
        return (low + high) / 2, high - low + self.spacing


@dataclass(frozen=True, eq=False)
class Place:
    """Position of one object at the time of one image, in the frame of the output, in metres."""

    object_id: int
    method: Method
    direction: NDArray[np.float64] | None
    """[3] unit vector from the camera towards the object; None: it is not visible."""
    position: NDArray[np.float64] | None
    """[3]; None with ``Method.NONE``."""
    covariance: NDArray[np.float64] | None
    """[3, 3] of ``position``, square metres."""
    velocity: NDArray[np.float64] | None
    """[3] metres per second, of the filter; None without a position."""
    velocity_covariance: NDArray[np.float64] | None
    """[3, 3] of ``velocity``."""
    measurement: Measurement | None
    """What was measured on this image; None: nothing."""
