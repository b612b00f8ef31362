# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Boxes in a room, rendered with exact depth and exact masks.

The world's x points forward, y left, z up (REP 103), in metres; the camera's optical frame is x
right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TEXELS = 100.0
"""Texels for each metre of a surface."""
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Rotation from the optical frame of a camera that looks along x to the world."""


@dataclass(frozen=True, eq=False)
class Body:
    """A box that moves straight on and may turn about its vertical axis."""

    size: tuple[float, float, float]
    position: tuple[float, float, float]
    """Position of its centre at time 0."""
    texture: NDArray[np.uint8]
    """[h, w, 3] RGB, repeated over its faces."""
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Metres per second."""
    yaw: float = 0.0
    """Radians, at time 0."""
    turning: float = 0.0
    """Radians per second."""

    def at(self, seconds: float) -> Body:
        """Return the body as it is at a later time, at which its clock starts anew."""
        moved = np.array(self.position) + seconds * np.array(self.velocity)
        x, y, z = moved.tolist()
        return replace(self, position=(x, y, z), yaw=self.yaw + seconds * self.turning)


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """An ideal camera in the world."""

    width: int
    height: int
    matrix: Floats
    """[3, 3] intrinsic; the centre of the top left pixel is (0, 0)."""
    rotation: Floats
    """[3, 3] from the optical frame to the world."""
    position: Floats
    """[3] in the world."""

    @classmethod
    def looking(
        cls,
        size: tuple[int, int],
        focal_length: float,
        position: tuple[float, float, float],
        yaw: float = 0.0,
        pitch: float = 0.0,
    ) -> Viewpoint:
        """
        Return a camera.

        :param size: width and height, in pixels.
        :param focal_length: in pixels.
        :param position: in the world.
        :param yaw: radians to the left of the world's x.
        :param pitch: radians by which it looks down.
        """
        (width, height), f = size, focal_length
        matrix = np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1]])
        down = np.array(
            [
                [np.cos(pitch), 0, np.sin(pitch)],
                [0, 1, 0],
                [-np.sin(pitch), 0, np.cos(pitch)],
            ]
        )
        rotation = _about_z(yaw) @ down @ OPTICAL
        return cls(width, height, matrix, rotation, np.array(position, np.float64))

    def to_world(self, points: Floats) -> Floats:
        """[..., 3] in the optical frame to the world."""
        return np.asarray(points @ self.rotation.T + self.position)

    def to_camera(self, points: Floats) -> Floats:
        """[..., 3] in the world to the optical frame."""
        return np.asarray((points - self.position) @ self.rotation)


@dataclass(frozen=True, eq=False)
class Rendered:
    colour: NDArray[np.uint8]
    """[height, width, 3] RGB."""
    depth: NDArray[np.float32]
    """[height, width] along the optical axis, in metres."""
    ids: NDArray[np.uint8]
    """[height, width] 1 for the first body and so on; 0: the room."""

    def surface_centre(self, body_id: int, view: Viewpoint) -> Floats | None:
        """Return the mean [3] of the points of a body that the camera sees, in its frame."""
        rows, columns = np.nonzero(self.ids == body_id)
        if not len(rows):
            return None
        pixels = np.column_stack((columns, rows, np.ones(len(rows))))
        points = pixels @ np.linalg.inv(view.matrix).T * self.depth[rows, columns, None]
        return np.asarray(points.mean(0))


def render(view: Viewpoint, room: Body, bodies: Sequence[Body]) -> Rendered:
    """
    Render bodies in a room.

    :param room: a box that is seen from inside; the camera must be in it.
    :param bodies: at most 255; the camera must be in none of them.
    """
    shape = (view.height, view.width)
    columns, rows = np.meshgrid(np.arange(view.width), np.arange(view.height))
    pixels = np.stack((columns, rows, np.ones(shape)), axis=-1)
    # Rays of length 1 along the optical axis, so that the distance along them is the depth.
    rays = pixels @ np.linalg.inv(view.matrix).T @ view.rotation.T
    depth = np.full(shape, np.inf)
    colour = np.zeros((*shape, 3), np.uint8)
    ids = np.zeros(shape, np.uint8)
    for number, body in enumerate((room, *bodies)):
        part = (slice(None), slice(None)) if number == 0 else _seen_part(view, body)
        hit, t = _distances(view, body, rays[part], inside=number == 0)
        nearer = hit & (t < depth[part])
        if nearer.any():
            depth[part][nearer] = t[nearer]
            ids[part][nearer] = number
            points = view.position + rays[part][nearer] * t[nearer][:, None]
            colour[part][nearer] = _colours(body, points)
    return Rendered(colour, depth.astype(np.float32), ids)


def _about_z(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _seen_part(view: Viewpoint, body: Body) -> tuple[slice, slice]:
    """Return rows and columns outside of which a body cannot be seen."""
    signs = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T
    corners = signs * body.size @ _about_z(body.yaw).T + body.position
    seen = view.to_camera(corners)
    if (seen[:, 2] <= 0.01).any():
        return slice(None), slice(None)
    pixels = seen @ view.matrix.T
    x, y = pixels[:, 0] / pixels[:, 2], pixels[:, 1] / pixels[:, 2]
    return (
        slice(max(int(y.min()), 0), max(int(y.max()) + 2, 0)),
        slice(max(int(x.min()), 0), max(int(x.max()) + 2, 0)),
    )


def _distances(
    view: Viewpoint, body: Body, rays: Floats, *, inside: bool
) -> tuple[NDArray[np.bool_], Floats]:
    """Return which rays [..., 3] meet a body, and where along them."""
    turn = _about_z(body.yaw)
    origin = (view.position - body.position) @ turn
    directions = rays @ turn
    directions = np.where(np.abs(directions) < 1e-9, 1e-9, directions)
    half = np.array(body.size) / 2
    first = (-half - origin) / directions
    second = (half - origin) / directions
    enter = np.minimum(first, second).max(-1)
    leave = np.maximum(first, second).min(-1)
    return (leave > enter) & (leave > 0), leave if inside else enter


def _colours(body: Body, points: Floats) -> NDArray[np.uint8]:
    """Return the colours [N, 3] of points [N, 3] on the faces of a body."""
    local = (points - body.position) @ _about_z(body.yaw)
    face = np.abs(np.abs(local) - np.array(body.size) / 2).argmin(1)
    across = np.array([[1, 2], [0, 2], [0, 1]])[face]
    texels = (np.take_along_axis(local, across, 1) * TEXELS).astype(np.int64)
    # Faces start at different places of the texture and are lit differently.
    height, width = body.texture.shape[:2]
    u, v = (texels[:, 0] + 37 * face) % width, (texels[:, 1] + 91 * face) % height
    light = np.array([1.0, 0.8, 0.9])[face]
    return np.asarray(body.texture[v, u] * light[:, None], np.uint8)


def smoothed(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as a lens shows it: without the steps between texels."""
    return np.asarray(cv2.GaussianBlur(colour, (3, 3), 0), np.uint8)
