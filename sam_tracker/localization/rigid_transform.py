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
