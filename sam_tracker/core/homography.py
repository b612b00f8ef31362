# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a homography [3, 3] of the image plane does near a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalMotion:
    """What a homography does near one point."""

    point: NDArray[np.float64]
    """[2] where the point goes."""
    jacobian: Matrix
    """[2, 2] of the map there: how small differences of position, and velocities, change."""

    @property
    def scale(self) -> float:
        """By how much lengths grow, as a geometric mean over all directions."""
        (a, b), (c, d) = self.jacobian.tolist()
        return float(abs(a * d - b * c) ** 0.5)

    def sides(self, sides: NDArray[np.float64]) -> tuple[NDArray[np.float64], Matrix]:
        """
        Return the sides of the box of an object there after the motion, and their Jacobian.

        The object is taken for the ellipse in its box: the box of the turned corners would grow
        with every turn of the camera, one way and back.

        :param sides: [2] width and height, neither of them zero.
        :returns: [2] width and height, and [2, 2] of these by ``sides``.
        """
        squares = self.jacobian**2
        moved = np.sqrt(squares @ sides**2)
        return moved, squares * sides / moved[:, None]


def local_motion(homography: Matrix, point: NDArray[np.float64]) -> LocalMotion | None:
    """
    Return what a homography does near a point [2]; None where the point leaves the image plane.

    A camera that turned by a right angle has no image of what was in front of it.

    :param homography: [3, 3], of any scale; invertible.
    """
    x, y, w = (homography @ np.array([point[0], point[1], 1.0])).tolist()
    if not w * np.linalg.det(homography) > 0:
        return None
    target = np.array([x / w, y / w])
    return LocalMotion(target, (homography[:2, :2] - np.outer(target, homography[2, :2])) / w)
