# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Selects the part of a frame in which an object is searched.

A small object is decoded from a window around the place where it is expected, resized to the
network's input: a pedestrian 40 pixels wide in an image of 768 is 12 pixels wide to a network with
an input of 224, and 56 in a window of four times its side. A large or lost object is decoded
from the whole image, as in SAM 2.

The window does not follow every mask. One that leaks, or that jumps to something else while the
object is behind a post, would take the window away from where the object can be found again.

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
"""Margin of a window, as a multiple of the object's motion from one frame to the next."""
MOST_SIDES = 6.0
"""Side of the window of an object that is seen, at most, in sides of the object."""
BOX_SIDES = 1.8
"""Side of the window that a box is decoded in, in sides of the box."""
LARGEST_SHARE = 0.12
"""Side of a prompted object, as a share of the image's, up to which it is looked at closely."""
SHRUNK_SHARE = 0.08
"""The same share for an object tracked in the whole image: memories match best at their scale."""
GROWN_SHARE = 0.25
"""The same share for an object that is looked at closely already."""
SMALLEST_SCALE = 0.5
"""Smallest side of a window, as a share of the network's input: finer is only interpolation."""
GROWTH = 1.1
"""Factor by which a window grows with each frame on which the object is not seen."""
MOST_MISSES = 15
"""Frames without the object after which it is looked for in the whole image."""
SIZE_RATE = 0.3
"""Share of the newest box in the smoothed size: memories match best at a steady scale."""
SIZE_PER_SECOND = 2.4
"""Factor by which the smoothed size changes within a second, at most."""
USUAL_RATE = 30.0
"""Frames a second at which the usual size is smoothed by ``SIZE_RATE`` on each."""
USUAL_PER_SECOND = 1.6
"""The same factor for ``usual``; a mask that spreads step by step grows faster."""
LONGEST_PAUSE = 60.0
"""Seconds after which an object may be anywhere: its speed predicts nothing that far ahead."""
OUTLIER_SIZE = 1.5
"""Ratio to the smoothed size, or its inverse, from which on a box is an outlier."""
OUTLIER_JUMP = 0.5
"""
Distance of a box from where it was expected, in sides of the object, from which on it is an
outlier; more for an object that moves fast, and with each outlier before.
"""
MOST_OUTLIERS = 30
"""Outliers in a row after which the next box is accepted, or the whole image is searched."""
SPEED_DECAY = 0.8
"""Factor by which the highest speed seen is forgotten with each frame."""
VELOCITY_DECAY = 0.9
"""Factor by which the velocity of an object that does not confirm it is forgotten."""


@dataclass(frozen=True)
class Focus:
    """Where an object was last seen, how large and how fast it is: an immutable value."""

    image_size: tuple[int, int]
    """Width and height of the image."""
    centre: tuple[float, float]
    size: float
    """Geometric mean of width and height, smoothed."""
    usual: float
    """The same, smoothed so slowly that a mask that spreads does not change it at once."""
    stamp: int
    """Nanoseconds, of the newest frame."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Pixels per second, smoothed."""
    speed: float = 0.0
    """Pixels per second, the highest recent speed."""
    misses: int = 0
    """Frames since the object was seen."""
    outliers: int = 0
    """Frames since its box was last accepted."""
    close: bool = False
    """Whether it is small enough to be decoded from a window."""

    @classmethod
    def on(cls, box: Box, image_size: tuple[int, int], stamp: int) -> Focus:
        """Return the focus on a box [4] that is accepted, whatever was known before."""
        centre, size = _centre_and_size(box)
        x, y = centre.tolist()
        close = size <= LARGEST_SHARE * _side(image_size)
        return cls(image_size, (x, y), size, size, stamp, close=close)

    def after(self, box: Box | None, stamp: int, *, sure: bool = True) -> Focus:
        """
        Return the focus after one more frame.

        A box that is an outlier in size or place, or of an uncertain mask, changes neither size
        nor place of the focus, unless there were many in a row.

        :param box: [4] of the object; None: it was not seen.
        :param sure: whether the network is sure of its mask.
        """
        elapsed = max(stamp - self.stamp, 0) / SECOND
        expected = self._expected(elapsed)
        if box is None:
            misses = min(self.misses + 1, MOST_MISSES)
            return self._unconfirmed(expected, stamp, misses=misses)
        centre, seen = _centre_and_size(box)
        ratio, off = seen / self.size, float(np.abs(centre - expected).max())
        far = off > OUTLIER_JUMP * self.size * (1 + self.outliers) + 2 * self.speed * elapsed
        outlier = not sure or far or not 1 / OUTLIER_SIZE < ratio < OUTLIER_SIZE
        given_up = self.misses >= MOST_MISSES or self.outliers >= MOST_OUTLIERS
        if outlier and not (sure and given_up):
            return self._unconfirmed(
                expected, stamp, outliers=min(self.outliers + 1, MOST_OUTLIERS)
            )
        if outlier:
            return Focus.on(box, self.image_size, stamp)
        velocity, speed = np.array(self.velocity), SPEED_DECAY * self.speed
        if self.misses == self.outliers == 0 and elapsed > 0:
            step = (centre - np.array(self.centre)) / elapsed
            velocity = (velocity + step) / 2
            speed = max(speed, float(np.abs(step).max()))
        # The power of some minutes is too large for a float.
        seconds = min(elapsed, LONGEST_PAUSE)
        size = _followed(self.size, seen, SIZE_RATE, SIZE_PER_SECOND**seconds)
        steady = 1 - (1 - SIZE_RATE) ** (USUAL_RATE * seconds)
        share = GROWN_SHARE if self.close else SHRUNK_SHARE
        return Focus(
            self.image_size,
            (float(centre[0]), float(centre[1])),
            size,
            _followed(self.usual, seen, steady, USUAL_PER_SECOND**seconds),
            stamp,
            (float(velocity[0]), float(velocity[1])),
            speed,
            close=size <= share * _side(self.image_size),
        )

    def growth(self, box: Box, stamp: int) -> float:
        """
        Return the size of a box [4], as a multiple of the largest size that is usual by then.

        :param stamp: of its frame: between frames that are far apart an object may grow.
        """
        elapsed = min(max(stamp - self.stamp, 0) / SECOND, LONGEST_PAUSE)
        grown = USUAL_PER_SECOND ** max(elapsed - 1 / USUAL_RATE, 0.0)
        return _centre_and_size(box)[1] / (self.usual * grown)

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
            usual=self.usual * moved.scale,
            velocity=(velocity_x, velocity_y),
            speed=self.speed * moved.scale,
        )

    def region(self, stamp: int, network_size: int) -> Region:
        """
        Return the part of a frame to look for the object in.

        :param stamp: of the frame.
        :param network_size: S, the side of the network's input.
        """
        whole = Region(0, 0, *self.image_size)
        elapsed = max(stamp - self.stamp, 0) / SECOND
        lost = (
            self.misses >= MOST_MISSES or self.outliers >= MOST_OUTLIERS or elapsed > LONGEST_PAUSE
        )
        if not self.close or lost:
            return whole
        side = min(SIDES * self.size + TRAVEL * self.speed * elapsed, MOST_SIDES * self.size)
        side = max(side, SMALLEST_SCALE * network_size) * GROWTH**self.misses
        return window(self._expected(elapsed), side, whole)

    def _expected(self, elapsed: float) -> NDArray[np.float64]:
        """Return where the centre [2] should be after so many seconds."""
        return np.array(self.centre) + np.array(self.velocity) * elapsed

    def _unconfirmed(
        self, expected: NDArray[np.float64], stamp: int, misses: int = 0, outliers: int = 0
    ) -> Focus:
        """Return the focus after a frame that does not show where the object is."""
        x, y = expected.tolist()
        velocity = (VELOCITY_DECAY * self.velocity[0], VELOCITY_DECAY * self.velocity[1])
        return replace(
            self,
            centre=(x, y),
            stamp=stamp,
            velocity=velocity,
            speed=SPEED_DECAY * self.speed,
            misses=misses,
            outliers=outliers,
        )


def window(centre: NDArray[np.float64], side: float, whole: Region) -> Region:
    """
    Return a square around a point [2], shifted to lie inside the image and clipped to it.

    A square that grows becomes the whole image without a jump.
    """
    width, height = min(round(side), whole.width), min(round(side), whole.height)
    x = round(min(max(float(centre[0]) - width / 2, 0), whole.width - width))
    y = round(min(max(float(centre[1]) - height / 2, 0), whole.height - height))
    return Region(x, y, width, height)


def box_window(
    box: Box, image_size: tuple[int, int], network_size: int, wider: float = 1.0
) -> Region:
    """
    Return the part of a frame in which a box [4] is decoded, to find what it holds.

    :param network_size: S, the side of the network's input.
    :param wider: factor of the window's side.
    """
    side = wider * max(BOX_SIDES * float((box[2:] - box[:2]).max()), SMALLEST_SCALE * network_size)
    return window((box[:2] + box[2:]) / 2, side, Region(0, 0, *image_size))


def _side(image_size: tuple[int, int]) -> float:
    """Return the geometric mean of width and height."""
    return math.sqrt(image_size[0] * image_size[1])


def _centre_and_size(box: Box) -> tuple[NDArray[np.float64], float]:
    sides = np.maximum(box[2:] - box[:2], 1.0)
    return (box[:2] + box[2:]) / 2, float(np.sqrt(sides.prod()))


def _followed(known: float, seen: float, share: float, most: float) -> float:
    """
    Return a size smoothed with the newest one.

    :param share: weight of the newest, 0 to 1.
    :param most: factor by which it changes, at most.
    """
    return known * min(max((seen / known) ** share, 1 / most), most)
