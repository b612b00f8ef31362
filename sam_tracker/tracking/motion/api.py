# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Interface of a motion model.

Boxes are [4] x_min, y_min, x_max, y_max as SAMURAI measures them: the first and the last column
and row of a mask in pixels of the network's input, both inclusive. Time is counted in nominal
frame periods; a step may have any length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box


class Motion(Protocol):
    """
    The motion of one object as a model estimates it: an immutable value.

    ``predict`` and ``update`` return the next estimate and leave this one as it is, so that a
    frame that fails halfway leaves no trace.
    """

    @property
    def box(self) -> Box:
        """[4] the estimated box; after ``predict`` the expected one."""

    @property
    def velocity(self) -> NDArray[np.float64]:
        """[2] of the box's centre, in pixels per nominal period."""

    @property
    def mahalanobis_distance(self) -> float:
        """Distance of the last measured box to the expected one; 0 where the model has none."""

    def predict(self, steps: float, camera_motion: NDArray[np.float64] | None) -> 'Motion':
        """
        Return the motion some time later.

        :param steps: nominal frame periods, from 0 on.
        :param camera_motion: homography [3, 3] of the static scene from pixels of the last frame
            to pixels of the next one; None: not known. A model may ignore it.
        :raises ValueError: ``steps`` is negative or not finite.
        """

    def scores(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Score how well boxes fit the expected one: s_kf of SAMURAI.

        :param boxes: [C, 4]; zeros stand for an empty mask, which scores 0.
        :returns: [C], 0 to 1.
        """

    def update(self, box: Box) -> 'Motion':
        """Return the motion after a box [4] was measured where ``predict`` led to."""


@dataclass(frozen=True)
class MotionModel:
    """One entry of the registry."""

    start: Callable[[Box], Motion]
    """Returns the motion of an object at rest in a box [4]."""
    learns_from_empty_masks: bool = False
    """
    Whether a mask without a pixel, whose box is all zeros, is a measurement.

    The released SAMURAI code has it so: the box is pulled into the corner.
    """
