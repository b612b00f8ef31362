# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The visible surface of an object, from its mask and a depth image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.localization.place import Measurement, Method

if TYPE_CHECKING:
    from sam_tracker.localization.camera import Camera
    from sam_tracker.localization.depth_image import DepthImage
    from sam_tracker.localization.mask_pixels import MaskPixels

LEAST_PIXELS = 8
"""Sampled pixels with depth below which there is no measurement."""
WINDOWS = (0.05, 0.5)
"""Bounds of an object's length along the ray, as a share of its distance."""
GAP = 0.04
"""Share of the distance that separates an object from what is before and behind it."""
NORMAL = 1.4826
"""Standard deviation of a normal distribution whose median absolute deviation is 1."""
MARGIN = 0.02
"""Share of the distance by which depth may lie beyond that of the inner pixels."""
ACCURACY = 0.005
"""Standard deviation of what all pixels of a depth image have in common, of the distance."""


@dataclass(frozen=True)
class DepthLimits:
    """Range of depth that is used, in metres."""

    nearest: float = 0.1
    farthest: float = 20.0


def surface(
    camera: Camera, pixels: MaskPixels, depth: DepthImage, limits: DepthLimits
) -> Measurement | None:
    """
    Measure the visible surface of an object, in the camera's optical frame.

    The depth of the object is that of the largest group of pixels away from the mask's border:
    the background that shows through and pixels mixed of both are left out. The position is the
    mean of all pixels of the mask; where depth is missing, it is that of the plane that fits the
    others, so a hole does not move the object sideways.

    :param depth: of the same size as the image of the mask.
    :returns: None with too little depth.
    """
    z = depth.metres(pixels.rows, pixels.columns)
    # Zero is no measurement, however near the limit is.
    usable = np.isfinite(z) & (z > 0) & (z >= limits.nearest) & (z <= limits.farthest)
    inner = usable & pixels.inner
    if inner.sum() < LEAST_PIXELS:
        inner = usable
    if inner.sum() < LEAST_PIXELS:
        return None
    low, high = depth_range(z[inner], pixels.extent)
    trusted = usable & (z >= low) & (z <= high)
    if trusted.sum() < LEAST_PIXELS:
        return None
    fitted = _plane(pixels.rays, z, trusted, low, high)
    deviation = NORMAL * float(np.median(np.abs(z[trusted] - fitted[trusted])))
    filled = np.where(trusted, z, fitted)
    rays = np.column_stack((pixels.rays, np.ones(len(z))))
    position = (rays * filled[:, None]).mean(0)
    along = deviation**2 / trusted.sum() + (ACCURACY * position[2]) ** 2
    pixel = camera.pixel_angle * position[2]
    return Measurement(
        Method.DEPTH,
        position,
        ray_covariance(position, along, pixel**2),
        depth_share=float(trusted.mean()),
        points=rays[trusted] * z[trusted, None],
        spacing=pixel * pixels.step,
    )


def depth_range(z: NDArray[np.float64], extent: float) -> tuple[float, float]:
    """
    Return the range of depth that belongs to an object: nearest and farthest.

    :param z: [N] metres, positive; N > 0.
    :param extent: of the object across the ray, as a share of its distance; it is taken to be no
        longer along the ray.
    :returns: of the largest group of that length; what a gap separates from its median is left
        out.
    """
    z = np.sort(z)
    longest = 1 + min(max(extent, WINDOWS[0]), WINDOWS[1])
    counts = np.searchsorted(z, z * longest, side='right') - np.arange(len(z))
    first = int(np.argmax(counts))
    group = z[first : first + counts[first]]
    middle = len(group) // 2
    gaps = np.flatnonzero(np.diff(group) > GAP * group[middle])
    low = group[gaps[gaps < middle].max() + 1] if (gaps < middle).any() else group[0]
    high = group[gaps[gaps >= middle].min()] if (gaps >= middle).any() else group[-1]
    margin = MARGIN * group[middle]
    return float(low - margin), float(high + margin)


def ray_covariance(
    position: NDArray[np.float64], along: float, across: float
) -> NDArray[np.float64]:
    """
    Return the covariance [3, 3] of a position that was measured along a ray.

    :param position: [3] seen from the camera.
    :param along: variance along the ray to it.
    :param across: variance across that ray.
    """
    ray = position / np.linalg.norm(position)
    return np.asarray(across * np.eye(3) + (along - across) * np.outer(ray, ray))


def _plane(
    rays: NDArray[np.float64],
    z: NDArray[np.float64],
    trusted: NDArray[np.bool_],
    low: float,
    high: float,
) -> NDArray[np.float64]:
    """
    Return the depth [N] of the plane that fits the trusted pixels, limited to their range.

    The inverse depth of a plane is a linear function of the ray.
    """
    middle = rays[trusted].mean(0)
    sides = np.column_stack((rays - middle, np.ones(len(rays))))
    # The pseudoinverse has the least norm: pixels in one line give no slope across it.
    normal = sides[trusted].T @ sides[trusted]
    inverse = sides @ (
        np.linalg.pinv(normal, hermitian=True) @ (sides[trusted].T @ (1 / z[trusted]))
    )
    return np.asarray(1 / np.clip(inverse, 1 / high, 1 / low))
