# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Positions of the objects of a stream of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.time import SECOND
from sam_tracker.localization.ground import Ground, on_the_ground
from sam_tracker.localization.mask_pixels import MaskPixels, mask_pixels
from sam_tracker.localization.place import Measurement, Method, Place
from sam_tracker.localization.surface import DepthLimits, surface
from sam_tracker.localization.surface_motion import SurfaceMotion

if TYPE_CHECKING:
    from sam_tracker.core.boxes import Region
    from sam_tracker.localization.camera import Camera
    from sam_tracker.localization.depth_image import DepthImage
    from sam_tracker.localization.rigid_transform import RigidTransform

SURPRISE = 6.0
"""Mahalanobis distance of a measurement from which the motion starts anew."""
DRIFT = 0.05
"""Share of its speed by which the velocity of an object drifts in one second: what is slow has
small changes of velocity, and needs a filter that smooths more."""
LEAST_DRIFT = 0.005
"""Metres per second by which any velocity may drift in one second."""


@dataclass(frozen=True)
class LocalizerSettings:
    """Settings of a ``Localizer``."""

    limits: DepthLimits = field(default_factory=DepthLimits)
    acceleration: float = 0.5
    """Metres per second by which a velocity drifts in one second, however fast the object is."""
    predict_for: float = 1.0
    """Seconds for which an object that is not measured has a predicted position."""


@dataclass(frozen=True, eq=False)
class SeenObject:
    """One object on one image."""

    object_id: int
    expected: bool
    """Whether it is visible or expected to be again soon; False: it is lost."""
    region: Region | None = None
    """Of the image that ``mask`` covers; None: the object is not visible."""
    mask: NDArray[np.uint8] | None = None
    """[region.height, region.width], any value but 0 on the object."""


@dataclass(frozen=True, eq=False)
class View:
    """Depth, camera and transform of one image."""

    stamp: int
    """Nanoseconds."""
    camera: Camera
    depth: DepthImage | None = None
    """Of the camera's size; None: there is none for this image."""
    ground: Ground | None = None
    """Where the ground is; None: unknown."""
    to_output: RigidTransform | None = None
    """From the camera's optical frame to the frame of the output; None: they are the same."""


@dataclass(frozen=True, eq=False)
class _Known:
    motion: SurfaceMotion
    stamp: int
    """Of ``motion``."""
    measured: int
    """Stamp of the last measurement."""
    offset: NDArray[np.float64]
    """[3] from the middle between the ends of the surface to the object's position."""


class Localizer:
    """
    Places objects and filters their motion; one for each stream of images.

    Its memory is one filter for each object that is present.
    """

    def __init__(self, settings: LocalizerSettings | None = None) -> None:
        self._settings = settings or LocalizerSettings()
        self._known: dict[int, _Known] = {}

    def restart(self) -> None:
        """Forget all motion, as when the frame of the output is another one."""
        self._known.clear()

    def places(self, view: View, objects: Sequence[SeenObject]) -> list[Place]:
        """
        Return the place of every object, in its order.

        Objects that are not among them are forgotten. If the stamp is before that of the last
        image, all motion is.
        """
        if any(each.stamp > view.stamp for each in self._known.values()):
            self.restart()
        present = {each.object_id for each in objects if each.expected}
        self._known = {key: value for key, value in self._known.items() if key in present}
        return [self._place(view, each) for each in objects]

    def _place(self, view: View, seen: SeenObject) -> Place:
        pixels = None
        if seen.region is not None and seen.mask is not None:
            pixels = mask_pixels(view.camera, seen.region, seen.mask)
        measured = None if pixels is None else self._measure(view, pixels)
        if measured is not None and view.to_output is not None:
            measured = view.to_output.measurement(measured)
        direction = None if pixels is None else _direction(view, pixels)
        known = self._moved(view.stamp, seen, measured)
        if known is None:
            return Place(seen.object_id, Method.NONE, direction, None, None, None, None, None)
        self._known[seen.object_id] = known
        motion = known.motion
        if measured is None:
            method, position = Method.PREDICTED, motion.centre + known.offset
            covariance = motion.centre_covariance
        else:
            # As measured: a filtered position would lag behind one that turns.
            method, position, covariance = measured.method, measured.position, measured.covariance
        return Place(
            seen.object_id,
            method,
            direction,
            position,
            covariance,
            motion.velocity,
            motion.velocity_covariance,
            measured,
        )

    def _measure(self, view: View, pixels: MaskPixels) -> Measurement | None:
        measured = None
        if view.depth is not None:
            measured = surface(view.camera, pixels, view.depth, self._settings.limits)
        if measured is None and view.ground is not None:
            measured = on_the_ground(view.camera, pixels, view.ground, view.camera.height - 1)
        return measured

    def _moved(self, stamp: int, seen: SeenObject, measured: Measurement | None) -> _Known | None:
        """Return the motion at the time of the image, or None when nothing is known of it."""
        known = self._known.pop(seen.object_id, None)
        if known is not None and stamp - known.measured > self._settings.predict_for * SECOND:
            known = None
        if measured is None:
            if known is None:
                return None
            seconds = (stamp - known.stamp) / SECOND
            motion = known.motion.predict(seconds, self._drift(known.motion, 0.0))
            return replace(known, motion=motion, stamp=stamp)
        motion = self._updated(stamp, known, measured)
        return _Known(motion, stamp, stamp, measured.position - measured.ends.mean(0))

    def _updated(self, stamp: int, known: _Known | None, measured: Measurement) -> SurfaceMotion:
        """Return the motion after a measurement."""
        ends, covariance = measured.ends, measured.covariance
        if known is None:
            return SurfaceMotion.start(ends, covariance)
        before, seconds = known.motion, (stamp - known.stamp) / SECOND
        expected = before.predict(seconds, self._drift(before, 0.0))
        surprise = expected.distance(ends, covariance)
        # Written so that a distance that is not a number starts the motion anew.
        if not surprise <= SURPRISE:
            return SurfaceMotion.start(ends, covariance)
        if stamp == known.measured:
            return before
        if surprise > 1:
            # It has turned, stopped or started.
            expected = before.predict(seconds, self._drift(before, surprise))
        return expected.update(ends, covariance, (stamp - known.measured) / SECOND)

    def _drift(self, motion: SurfaceMotion, surprise: float) -> float:
        """
        Return by how much the velocity of an object may drift in one second.

        :param surprise: Mahalanobis distance of the newest measurement.
        """
        speed = float(np.linalg.norm(motion.velocity))
        usual = max(LEAST_DRIFT, DRIFT * speed) * math.hypot(1.0, surprise)
        return min(usual, self._settings.acceleration)


def _direction(view: View, pixels: MaskPixels) -> NDArray[np.float64]:
    centre = pixels.centre / np.linalg.norm(pixels.centre)
    return centre if view.to_output is None else view.to_output.rotation @ centre
