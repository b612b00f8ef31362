# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Distance without depth, from the point where an object touches a known ground plane."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.localization.place import Measurement, Method
from sam_tracker.localization.surface import ray_covariance

if TYPE_CHECKING:
    from sam_tracker.localization.camera import Camera
    from sam_tracker.localization.mask_pixels import MaskPixels

BORDER_ERROR = 2.0
"""Pixels by which the border of a mask is off, one standard deviation."""
LEAST_ANGLE = math.radians(2.0)
"""Below the horizon; nearer to it the distance is a guess."""
MOST_ANGLE = math.radians(75)
"""Radians below the horizon up to which a direction on the ground is known well enough."""
LEAST_LEVEL = 0.1
"""Share of a ray that must be level."""


@dataclass(frozen=True, eq=False)
class Ground:
    """A plane below the camera, in its optical frame."""

    up: NDArray[np.float64]
    """[3] unit vector against gravity."""
    height: float
    """Of the camera above the ground, in metres."""

    @classmethod
    def below(cls, height: float, pitch: float, roll: float) -> Ground:
        """
        Return the ground below a camera that is mounted at an angle.

        :param height: of the camera, in metres.
        :param pitch: degrees by which it looks down.
        :param roll: degrees by which it is turned clockwise, seen from behind.
        """
        p, r = math.radians(pitch), math.radians(roll)
        up = (-math.sin(r) * math.cos(p), -math.cos(r) * math.cos(p), -math.sin(p))
        return cls(np.array(up), height)


def on_the_ground(
    camera: Camera, pixels: MaskPixels, ground: Ground, bottom_row: int
) -> Measurement | None:
    """
    Place an object that stands upright on the ground, in the camera's optical frame.

    :param bottom_row: of the image, at which an object is cut off.
    :returns: None when the lowest point is not visible, hardly below the horizon, or nearly
        straight below the camera.
    """
    if pixels.rows.max() >= bottom_row - pixels.step:
        return None
    directions = pixels.directions
    descent = -directions @ ground.up
    lowest = int(np.argmax(descent))
    angle = math.asin(min(float(descent[lowest]), 1.0))
    centre = pixels.centre
    level = float(np.linalg.norm(_horizontal(centre, ground)))
    # Straight below the camera the direction on the ground, and so the distance, is not defined.
    steep = angle > MOST_ANGLE or level < LEAST_LEVEL * float(np.linalg.norm(centre))
    if angle < LEAST_ANGLE or steep or ground.height <= 0:
        return None
    distance = ground.height / math.sin(angle)
    across = _horizontal(distance * directions[lowest], ground)
    position = centre * (float(np.linalg.norm(across)) / level)
    error = BORDER_ERROR * camera.pixel_angle
    reach = float(np.linalg.norm(position))
    along = (reach / math.tan(angle) * error) ** 2
    return Measurement(
        Method.GROUND, position, ray_covariance(position, along, (reach * error) ** 2)
    )


def _horizontal(vector: NDArray[np.float64], ground: Ground) -> NDArray[np.float64]:
    return np.asarray(vector - (vector @ ground.up) * ground.up)
