# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Which part of a frame an object is looked for in.

A small object is decoded from a window around the place where it is expected, resized to the
network's input: a pedestrian 40 pixels wide in an image of 768 is 12 pixels wide to a network with
an input of 224, and 56 in a window of four times its side. A large, lost or very fast object is
decoded from the whole image, as in SAM 2.

All lengths are pixels of the source image, origin in its top left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box, Region
from sam_tracker.core.homography import local_motion
from sam_tracker.core.time import SECOND

SIDES = 4.0
"""Side of a window, in sides of the object."""
TRAVEL = 4.0
"""What a window gets on top, in distances that the object moves from one frame to the next."""
LARGEST_SHARE = 0.3
"""Side of an object, as a share of the image's, from which on the whole image is decoded."""
SMALLEST_SCALE = 0.5
"""Smallest side of a window, as a share of the network's input: finer is only interpolation."""
GROWTH = 1.3
"""Factor by which a window grows with each frame on which the object is not seen."""
MOST_MISSES = 12
"""Frames after which a window grows no further."""
SIZE_RATE = 0.3
"""Share of the newest box in the smoothed size: memories match best at a steady scale."""
SPEED_DECAY = 0.8
"""Factor by which the highest speed seen is forgotten with each frame."""


@dataclass(frozen=True)
class Focus:
    """Where an object was last seen, how large and how fast it is: an immutable value."""

    image_size: tuple[int, int]
    """Width and height of the image."""
    centre: tuple[float, float]
    size: float
    """Geometric mean of width and height, smoothed."""
    stamp: int
    """Nanoseconds, of the newest frame."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Pixels per second, smoothed."""
    speed: float = 0.0
    """Pixels per second, the highest of late."""
    misses: int = 0
    """Frames since the object was seen."""

    @classmethod
    def on(cls, box: Box, image_size: tuple[int, int], stamp: int) -> Focus:
        """Return the focus on a box [4] of an object that was just prompted."""
        centre, size = _centre_and_size(box)
        return cls(image_size, (float(centre[0]), float(centre[1])), size, stamp)

    def after(self, box: Box | None, stamp: int) -> Focus:
        """
        Return the focus after one more frame.

        :param box: [4] of the object; None: it was not seen.
        """
        elapsed = (stamp - self.stamp) / SECOND
        if box is None:
            return replace(self, stamp=stamp, misses=min(self.misses + 1, MOST_MISSES))
        centre, size = _centre_and_size(box)
        velocity, speed = np.zeros(2), SPEED_DECAY * self.speed
        if self.misses == 0 and elapsed > 0:
            step = (centre - np.array(self.centre)) / elapsed
            velocity = (np.array(self.velocity) + step) / 2
            speed = max(speed, float(np.abs(step).max()))
        return Focus(
            self.image_size,
            (float(centre[0]), float(centre[1])),
            self.size ** (1 - SIZE_RATE) * size**SIZE_RATE,
            stamp,
            (float(velocity[0]), float(velocity[1])),
            speed,
        )

    def seen_after(self, camera_motion: NDArray[np.float64]) -> Focus:
        """
        Return the same focus in the pixels of the next view.

        :param camera_motion: homography [3, 3], as ``Frame.camera_motion``.
        """
        moved = local_motion(camera_motion, np.array(self.centre))
        if moved is None:
            return self
        x, y = moved.point.tolist()
        velocity_x, velocity_y = (moved.jacobian @ self.velocity).tolist()
        return replace(
            self,
            centre=(x, y),
            size=self.size * moved.scale,
            velocity=(velocity_x, velocity_y),
            speed=self.speed * moved.scale,
        )

    def region(self, stamp: int, network_size: int) -> Region:
        """
        Return the part of a frame to look for the object in.

        :param stamp: of the frame.
        :param network_size: S, the side of the network's input.
        """
        width, height = self.image_size
        whole = Region(0, 0, width, height)
        if self.size > LARGEST_SHARE * math.sqrt(width * height):
            return whole
        elapsed = max(stamp - self.stamp, 0) / SECOND
        side = SIDES * self.size + TRAVEL * self.speed * elapsed
        side = max(side, SMALLEST_SCALE * network_size) * GROWTH**self.misses
        centre = np.array(self.centre)
        if self.misses == 0:
            centre = centre + np.array(self.velocity) * elapsed
        return window(centre, side, whole)


def window(centre: NDArray[np.float64], side: float, whole: Region) -> Region:
    """
    Return a square around a point [2], shifted to lie inside the image and clipped to it.

    A square that grows becomes the whole image without a jump.
    """
    width, height = min(round(side), whole.width), min(round(side), whole.height)
    x = round(min(max(float(centre[0]) - width / 2, 0), whole.width - width))
    y = round(min(max(float(centre[1]) - height / 2, 0), whole.height - height))
    return Region(x, y, width, height)


def _centre_and_size(box: Box) -> tuple[NDArray[np.float64], float]:
    sides = np.maximum(box[2:] - box[:2], 1.0)
    return (box[:2] + box[2:]) / 2, float(np.sqrt(sides.prod()))
