# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Outlines of generated objects, and their coverage masks.

Each family draws a closed outline in the square [-1, 1]²; `coverage` rasterises it with soft
edges. Articulated bodies consist of several outlines, see `sprites.py`.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.float64]
OutlineFamily = Callable[[np.random.Generator], Outline]

MARGIN = 2.0
"""Pixels between an outline and the border of its coverage mask."""

_POINTS = 48
_ANGLES = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def _fitted(points: Outline) -> Outline:
    """Centre and scale the outline to fill [-1, 1]²."""
    low, high = points.min(0), points.max(0)
    return (points - (low + high) / 2) / max(float((high - low).max()) / 2, 1e-6)


def blob(rng: np.random.Generator) -> Outline:
    harmonics = np.arange(2, 6)
    amplitude = rng.normal(0, 0.3, len(harmonics)) / harmonics
    phase = rng.uniform(0, 2 * np.pi, len(harmonics))
    radius = 1 + (amplitude[:, None] * np.cos(harmonics[:, None] * _ANGLES + phase[:, None])).sum(
        0
    )
    return _fitted(_CIRCLE * np.maximum(radius, 0.2)[:, None] * (1, rng.uniform(0.45, 1)))


def superellipse(rng: np.random.Generator) -> Outline:
    """Draw a superellipse: between a diamond, an ellipse and a rounded box."""
    power = 2 / np.exp(rng.uniform(np.log(1), np.log(12)))
    points = np.sign(_CIRCLE) * np.abs(_CIRCLE) ** power
    return _fitted(points * (1, rng.uniform(0.35, 1)))


def quadrilateral(rng: np.random.Generator) -> Outline:
    """Draw a box in perspective."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (1, rng.uniform(0.35, 1))
    return _fitted(corners + rng.normal(0, 0.12, (4, 2)))


def polygon(rng: np.random.Generator) -> Outline:
    corners = int(rng.integers(3, 8))
    angles = np.sort(
        rng.uniform(0, 2 * np.pi, corners) * 0.3 + np.arange(corners) * 2 * np.pi / corners
    )
    return _fitted(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def star(rng: np.random.Generator) -> Outline:
    points = int(rng.integers(4, 8))
    angles = np.arange(2 * points) * np.pi / points + rng.uniform(0, np.pi)
    radius = np.where(np.arange(2 * points) % 2, rng.uniform(0.4, 0.75), 1.0)
    return _fitted(np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None])


def turned(rng: np.random.Generator) -> Outline:
    """Draw the profile of a solid of revolution, such as a bottle, cup or vase."""
    heights = np.linspace(-1, 1, 12)
    knots = rng.uniform(0.2, 0.75, int(rng.integers(3, 6)))
    half = np.interp(heights, np.linspace(-1, 1, len(knots)), knots)
    right = np.stack([half, heights], axis=1)
    left = np.stack([-half[::-1], heights[::-1]], axis=1)
    return _fitted(np.concatenate([right, left]))


def crescent(rng: np.random.Generator) -> Outline:
    """Draw a curved, tapering shape."""
    along = np.linspace(-1, 1, 20)
    bend = rng.uniform(0.3, 1.0)
    thickness = rng.uniform(0.15, 0.4) * np.sqrt(np.maximum(1 - along**2, 0)) + 0.02
    centre = bend * along**2
    upper = np.stack([along, centre + thickness], axis=1)
    lower = np.stack([along[::-1], (centre - thickness)[::-1]], axis=1)
    return _fitted(np.concatenate([upper, lower]))


def heart(rng: np.random.Generator) -> Outline:
    a = _ANGLES
    depth = rng.uniform(0.6, 1.2)
    x = 16 * np.sin(a) ** 3
    y = -(13 * np.cos(a) - 5 * depth * np.cos(2 * a) - 2 * np.cos(3 * a) - np.cos(4 * a))
    return _fitted(np.stack([x, y], axis=1))


def gear(rng: np.random.Generator) -> Outline:
    teeth = int(rng.integers(5, 12))
    depth = rng.uniform(0.1, 0.3)
    radius = 1 - depth * (np.sin(teeth * _ANGLES) > 0)
    return _fitted(_CIRCLE * radius[:, None])


TRAINING_OUTLINES: Sequence[OutlineFamily] = (
    blob, blob, superellipse, superellipse, quadrilateral, polygon, star, turned, crescent,
)  # fmt: skip
HELD_OUT_OUTLINES: Sequence[OutlineFamily] = (
    blob, superellipse, quadrilateral, turned, heart, gear,
)  # fmt: skip


def outline(rng: np.random.Generator, held_out: bool) -> Outline:
    """Draw an outline of a random family in a random orientation, [N, 2] within [-1, 1]²."""
    families = HELD_OUT_OUTLINES if held_out else TRAINING_OUTLINES
    points = families[int(rng.integers(len(families)))](rng)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, 2 * np.pi)])
    c, s = np.cos(angle), np.sin(angle)
    return _fitted(points @ np.array([[c, s], [-s, c]]))


def coverage(points: Outline, height: int, width: int) -> NDArray[np.uint8]:
    """Rasterise an outline to uint8 [height, width], 255 inside, with ``MARGIN`` around it."""
    mask = np.zeros((height, width), np.uint8)
    half = np.array([width / 2 - MARGIN, height / 2 - MARGIN])
    centre = np.array([width / 2 - 0.5, height / 2 - 0.5])
    pixels = ((centre + points * half) * 256).astype(np.int32)
    cv2.fillPoly(mask, [pixels], 255, cv2.LINE_AA, 8)
    return mask
