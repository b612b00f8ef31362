# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Objects to draw into an image: textured parts that are rigid, bend, or swing at joints.

The coordinates of an object span [-1, 1]² over its nominal diameter, x to the right, y down.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.video import silhouettes, textures

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_COARSE = 4  # control points along each side of a bending part


@dataclass(frozen=True)
class Part:
    """One textured part of an object."""

    texture: Image
    """uint8 [side, side + slack, 3]; scrolled through the slack as the object turns."""
    alpha: Image
    """uint8 [side, side]."""
    scale: float
    """Half the side, in units of the object."""
    joint: Array
    """Position of the pivot on the object, [2]."""
    pivot: Array
    """The point of the part that lies on the joint, [2] in the part's [-1, 1]²."""
    angle: float
    swing: float
    """Rest angle and amplitude of the swing about the joint, in radians."""


@dataclass(frozen=True)
class Thing:
    """An object: its parts from back to front, and how much it bends."""

    parts: tuple[Part, ...]
    bend: float
    """Amplitude of the smooth deformation, in units of the object."""


@dataclass(frozen=True)
class Pose:
    """Pose of an object on one frame, in pixels."""

    centre: Array
    """[2] in pixels, pixel centres at +0.5."""
    matrix: Array
    """[2, 2]: from units of the object to pixels."""
    turn: float
    """In [-1, 1]: position of the view in the slack."""
    swing: Array
    """In [-1, 1] for each part."""
    bend: Array
    """In [-1, 1]: [2 * 4 * 4] displacement of the control points."""
    blur: tuple[int, int]
    """Motion blur along x and y in pixels, 1 for none."""


def _part(
    rng: np.random.Generator,
    points: silhouettes.Outline,
    colours: NDArray[np.float32],
    diameter: float,
    held_out: bool,
    *,
    scale: float = 1.0,
    joint: tuple[float, float] = (0, 0),
    pivot: tuple[float, float] = (0, 0),
    angle: float = 0.0,
    swing: float = 0.0,
) -> Part:
    side = int(np.clip(diameter * scale * 1.15 + 4, 10, 400))
    slack = int(side * rng.uniform(0.3, 1)) if rng.random() < 0.3 else 0
    alpha = silhouettes.coverage(points, side, side)
    texture = textures.surface(rng, side, side + slack, colours, held_out)
    _add_details(rng, texture, alpha, colours, held_out)
    return Part(texture, alpha, scale, np.array(joint), np.array(pivot), angle, swing)


def _add_details(
    rng: np.random.Generator,
    texture: Image,
    alpha: Image,
    colours: NDArray[np.float32],
    held_out: bool,
) -> None:
    """Paint labels, bands and patches onto the part, and shade its edge."""
    height, width = texture.shape[:2]
    for _ in range(int(rng.integers(0, 3))):
        patch = np.zeros((height, width), np.uint8)
        own = silhouettes.outline(rng, held_out)
        tall, wide = (rng.uniform(0.2, 0.8, 2) * height).astype(int) + 4
        top = int(rng.integers(-tall // 3, max(height - tall // 2, 1)))
        left = int(rng.integers(-wide // 3, max(width - wide // 2, 1)))
        centre = np.array([left + wide / 2, top + tall / 2])
        corners = centre + own * np.array([wide / 2, tall / 2])
        cv2.fillPoly(patch, [corners.astype(np.int32)], 1)
        inks = textures.palette(rng, None if rng.random() < 0.5 else colours)
        cv2.copyTo(textures.surface(rng, height, width, inks, held_out), patch, texture)
    if rng.random() < 0.5:
        side = alpha.shape[0]
        radius = 2 * (side // 8) + 1
        rounded = cv2.blur(alpha, (radius, radius)).astype(np.float32) / 255
        strength = rng.uniform(0.2, 0.8)
        light = np.float32(1 - strength) + np.float32(1.2 * strength) * rounded
        gain = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(texture, cv2.cvtColor(gain, cv2.COLOR_GRAY2RGB), texture, dtype=cv2.CV_8U)


def _upright(rng: np.random.Generator, width: float) -> silhouettes.Outline:
    """Return a rounded outline of height 2 and ``width`` times that wide."""
    points = silhouettes.superellipse(rng)
    return points / np.abs(points).max(0) * (min(width, 1.0), 1.0)


def solid(
    rng: np.random.Generator,
    colours: NDArray[np.float32],
    diameter: float,
    held_out: bool,
    bend: float,
) -> Thing:
    """Create an object of one outline, some with rigid attachments; `diameter` in pixels."""
    parts = [_part(rng, silhouettes.outline(rng, held_out), colours, diameter, held_out)]
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
        direction = rng.uniform(0, 2 * np.pi)
        joint = (0.6 * np.cos(direction), 0.6 * np.sin(direction))
        inks = textures.palette(rng) if rng.random() < 0.5 else colours
        points = silhouettes.outline(rng, held_out)
        extra = _part(
            rng, points, inks, diameter, held_out, scale=rng.uniform(0.2, 0.5), joint=joint
        )
        parts.insert(int(rng.integers(2)), extra)
    return Thing(tuple(parts), bend)


def articulated(
    rng: np.random.Generator, colours: NDArray[np.float32], diameter: float, held_out: bool
) -> Thing:
    """Create a person, animal or machine with swinging limbs; `diameter` in pixels."""
    clothes = textures.palette(rng) if rng.random() < 0.6 else colours
    skin = textures.palette(rng)
    swing = rng.uniform(0.1, 0.8)
    width = rng.uniform(0.25, 0.5)
    torso = _upright(rng, width / 0.45)
    pieces: list[Part] = []

    def limb(
        ink: NDArray[np.float32], scale: float, joint: tuple[float, float], angle: float
    ) -> Part:
        points = _upright(rng, rng.uniform(0.25, 0.5))
        return _part(
            rng, points, ink, diameter, held_out,
            scale=scale, joint=joint, pivot=(0, -0.85), angle=angle, swing=swing,
        )  # fmt: skip

    if rng.random() < 0.65:  # upright
        hips, shoulders = 0.25, -0.4
        legs = [limb(clothes, 0.4, (side * width * 0.5, hips), side * -0.1) for side in (-1, 1)]
        arms = [
            limb(
                skin if rng.random() < 0.5 else colours,
                0.33,
                (side * width * 0.9, shoulders),
                side * -0.4,
            )
            for side in (-1, 1)
        ]
        head = _part(
            rng, _upright(rng, rng.uniform(0.7, 1)), skin, diameter, held_out,
            scale=rng.uniform(0.14, 0.25), joint=(0, -0.55), pivot=(0, 0.7), swing=0.3 * swing,
        )  # fmt: skip
        body = _part(rng, torso, colours, diameter, held_out, scale=0.45, joint=(0, -0.1))
        front = int(rng.integers(2))
        pieces = [*legs, arms[1 - front], body, head, arms[front]]
    else:  # a trunk with anything attached around it
        body = _part(
            rng, silhouettes.outline(rng, held_out), colours, diameter, held_out,
            scale=rng.uniform(0.45, 0.7),
        )  # fmt: skip
        pieces = [body]
        for _ in range(int(rng.integers(2, 6))):
            direction = rng.uniform(0, 2 * np.pi)
            joint = (0.4 * np.cos(direction), 0.4 * np.sin(direction))
            pieces.insert(
                int(rng.integers(2)),
                limb(skin, rng.uniform(0.25, 0.5), joint, direction - np.pi / 2),
            )
    return Thing(tuple(pieces), 0.0)


def recoloured(rng: np.random.Generator, thing: Thing, amount: float) -> Thing:
    """Return a look-alike, its colours changed by up to `amount` of full scale."""
    offset = np.append(rng.uniform(-255 * amount, 255 * amount, 3), 0.0)

    def shifted(part: Part) -> Part:
        texture = cv2.add(part.texture, offset, dtype=cv2.CV_8U)
        return replace(part, texture=np.asarray(texture, np.uint8))

    return replace(thing, parts=tuple(shifted(part) for part in thing.parts))


def draw(thing: Thing, pose: Pose, canvas: Image, object_ids: Image, object_id: int) -> None:
    """
    Draw an object, in place.

    :param canvas: [H, W, 3].
    :param object_ids: [H, W]; gets ``object_id`` where the object covers at least half a pixel.
    """
    for index, part in enumerate(thing.parts):
        angle = part.angle + part.swing * pose.swing[index]
        c, s = np.cos(angle), np.sin(angle)
        half = part.alpha.shape[0] / 2
        turned = pose.matrix @ np.array([[c, -s], [s, c]]) * (part.scale / half)
        origin = pose.centre + pose.matrix @ part.joint - turned @ (half * (1 + part.pivot))
        _draw_part(thing, part, pose, turned, origin, canvas, object_ids, object_id)


def _draw_part(
    thing: Thing,
    part: Part,
    pose: Pose,
    matrix: Array,
    origin: Array,
    canvas: Image,
    object_ids: Image,
    object_id: int,
) -> None:
    """Draw a part; `matrix` and `origin` map its pixels to those of the canvas."""
    height, width = object_ids.shape
    side = part.alpha.shape[0]
    half = side / 2
    centre = origin + matrix @ np.array([half, half])
    bend = thing.bend * half / part.scale  # in pixels of the part
    extent = np.abs(matrix).sum(1) * (half + bend) + np.array(pose.blur) / 2 + 1
    left, top = (max(int(v), 0) for v in centre - extent)
    right, bottom = (
        min(int(centre[0] + extent[0]) + 1, width),
        min(int(centre[1] + extent[1]) + 1, height),
    )
    if right - left < 1 or bottom - top < 1:
        return

    (a, b), (c, d) = matrix
    determinant = a * d - b * c
    if abs(determinant) < 1e-6:
        return
    inverse = np.array([[d, -b], [-c, a]], dtype=np.float64) / determinant
    x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - origin[0])
    y = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - origin[1]))[:, None]
    map_x = np.float32(inverse[0, 0]) * x + (np.float32(inverse[0, 1]) * y - np.float32(0.5))
    map_y = np.float32(inverse[1, 0]) * x + (np.float32(inverse[1, 1]) * y - np.float32(0.5))
    if bend > 0:
        shift = (bend * pose.bend).astype(np.float32).reshape(2, _COARSE, _COARSE)
        shape = (right - left, bottom - top)
        map_x += cv2.resize(shift[0], shape, interpolation=cv2.INTER_LINEAR)
        map_y += cv2.resize(shift[1], shape, interpolation=cv2.INTER_LINEAR)

    alpha = cv2.remap(part.alpha, map_x, map_y, cv2.INTER_LINEAR)
    slack = part.texture.shape[1] - side
    if slack:
        map_x += np.float32(slack * (0.5 + 0.5 * pose.turn))
    surface = cv2.remap(
        part.texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if pose.blur != (1, 1):
        surface = cv2.blur(surface, pose.blur)
        alpha = cv2.blur(alpha, pose.blur, borderType=cv2.BORDER_CONSTANT)
    weights = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    region = canvas[top:bottom, left:right]
    region[:] = cv2.add(
        cv2.multiply(surface, weights, scale=1 / 255),
        cv2.multiply(region, cv2.bitwise_not(weights), scale=1 / 255),
    )
    object_ids[top:bottom, left:right][alpha >= 128] = object_id
