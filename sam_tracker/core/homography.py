# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A homography [3, 3] of the image plane, linearised at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalMotion:
    """A homography linearised at one point."""

    point: NDArray[np.float64]
    """[2] the image of the point."""
    jacobian: Matrix
    """[2, 2] Jacobian at the point; it maps velocities and small displacements."""

    @property
    def scale(self) -> float:
        """Change of lengths: the geometric mean over all directions."""
        (a, b), (c, d) = self.jacobian.tolist()
        return float(abs(a * d - b * c) ** 0.5)

    def sides(self, sides: NDArray[np.float64]) -> tuple[NDArray[np.float64], Matrix]:
        """
        Return the sides of the box of an object there after the motion, and their Jacobian.

        The object is modelled as the ellipse in its box. The bounding box of the rotated corners
        would grow with every turn of the camera, in either direction.

        :param sides: [2] width and height, neither of them zero.
        :returns: [2] width and height, and [2, 2] of these by ``sides``.
        """
        squares = self.jacobian**2
        moved = np.sqrt(squares @ sides**2)
        return moved, squares * sides / moved[:, None]


def local_motion(homography: Matrix, point: NDArray[np.float64]) -> LocalMotion | None:
    """
    Linearise a homography at a point [2]; None where it maps the point to infinity or beyond.

    This happens when the camera turns by a right angle or more.

    :param homography: [3, 3], of any scale; invertible.
    """
    x, y, w = (homography @ np.array([point[0], point[1], 1.0])).tolist()
    if not w * np.linalg.det(homography) > 0:
        return None
    target = np.array([x / w, y / w])
    return LocalMotion(target, (homography[:2, :2] - np.outer(target, homography[2, :2])) / w)


def moved_box(homography: Matrix, box: Box) -> Box | None:
    """Return the box [4] of an object after the motion; None where its centre is out of view."""
    moved = local_motion(homography, (box[:2] + box[2:]) / 2)
    if moved is None:
        return None
    half = moved.sides(np.maximum(box[2:] - box[:2], 1e-3))[0] / 2
    return np.concatenate((moved.point - half, moved.point + half))
