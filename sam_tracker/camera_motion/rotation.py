# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Rotations of a camera, and the homography by which one moves its image."""

import math

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def rotation_by(vector: NDArray[np.float64]) -> Matrix:
    """
    Return the rotation [3, 3] about an axis (Rodrigues' formula).

    :param vector: [3] along the axis, as long as the angle in radians, by the right-hand rule.
    """
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def rotation_of(roll: float, pitch: float, yaw: float) -> Matrix:
    """Return the rotation [3, 3] by angles in radians about the fixed axes x, y, z (REP 103)."""
    x, y, z = np.diag([roll, pitch, yaw])
    return rotation_by(z) @ rotation_by(y) @ rotation_by(x)


def rotation_homography(camera_matrix: Matrix, rotation: Matrix) -> Matrix:
    """
    Return how a rotation of the camera moves the image of all that is far away.

    Of what is near, a camera that also moves sees more than that.

    :param camera_matrix: [3, 3] K of ``sensor_msgs/CameraInfo``: pixel centres at whole numbers.
    :param rotation: [3, 3] from directions in the optical frame before to those after the turn;
        the inverse of the camera's own turn.
    :returns: [3, 3] as ``Frame.camera_motion``: pixel centres at +0.5.
    """
    matrix = np.array(camera_matrix, np.float64)
    matrix[:2, 2] += 0.5
    return matrix @ rotation @ np.linalg.inv(matrix)
