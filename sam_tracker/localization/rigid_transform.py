# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A rotation and a translation, from one frame to another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sam_tracker.localization.ground import Ground
from sam_tracker.localization.place import Measurement


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """Maps coordinates of the camera's optical frame to those of another frame."""

    rotation: NDArray[np.float64]
    """[3, 3]."""
    translation: NDArray[np.float64]
    """[3] where the camera is in the other frame, in metres."""

    @classmethod
    def of_quaternion(
        cls, quaternion: tuple[float, float, float, float], translation: tuple[float, float, float]
    ) -> RigidTransform:
        """
        Return the transform that geometry_msgs/Transform describes.

        :param quaternion: x, y, z, w; not all zero.
        """
        x, y, z, w = np.array(quaternion) / np.linalg.norm(quaternion)
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        return cls(rotation, np.array(translation, np.float64))

    def measurement(self, measured: Measurement) -> Measurement:
        """Return a measurement in the other frame."""
        rotation = self.rotation
        return replace(
            measured,
            position=rotation @ measured.position + self.translation,
            covariance=rotation @ measured.covariance @ rotation.T,
            points=measured.points @ rotation.T + self.translation,
        )

    def ground(self, level: float) -> Ground:
        """
        Return the ground as the camera sees it, where the other frame's z points up.

        :param level: z of the ground in the other frame.
        """
        return Ground(self.rotation[2].copy(), float(self.translation[2] - level))
