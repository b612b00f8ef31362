# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Surfaces of solids with texture coordinates: drawn at random, or read from a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RINGS = 16
CORNERS = 20
"""Corners of each ring."""


@dataclass(frozen=True)
class Solid:
    """A closed surface of triangles."""

    vertices: Array
    """[V, 3] in metres."""
    faces: NDArray[np.int64]
    """[F, 3] indices of vertices, counterclockwise seen from outside."""
    texture: Array
    """[F, 3, 2] texture coordinates of the corners, positive; a texture repeats at integers."""

    def write(self, path: Path, smooth: bool) -> None:
        """Write a Wavefront OBJ file; ``smooth``: shaded as if it had no edges."""
        corners = self.vertices[self.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.repeat(normals, 3, axis=0)
        if smooth:
            sums = np.zeros_like(self.vertices)
            np.add.at(sums, self.faces.ravel(), normals)
            normals = sums[self.faces.ravel()]
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        lines = ['v {:.5f} {:.5f} {:.5f}'.format(*each) for each in self.vertices]
        lines += ['vt {:.4f} {:.4f}'.format(*each) for each in self.texture.reshape(-1, 2)]
        lines += ['vn {:.4f} {:.4f} {:.4f}'.format(*each) for each in normals]
        for first, face in zip(range(1, len(normals), 3), self.faces + 1, strict=True):
            words = [f'{vertex}/{first + k}/{first + k}' for k, vertex in enumerate(face)]
            lines.append('f ' + ' '.join(words))
        path.write_text('\n'.join(lines) + '\n')


def draw_rod(rng: np.random.Generator, length: float, width: float) -> Solid:
    """Draw a rod along x, bent, of uneven width, its cross section between oval and rectangle."""
    along = np.linspace(0, 1, RINGS)
    waves = rng.normal(0, 0.25, (3, 1)) * np.cos(
        np.pi * np.array([[1], [2], [3]]) * along + rng.uniform(0, 2 * np.pi, (3, 1))
    )
    ends = np.sqrt(1 - np.abs(2 * along - 1) ** rng.uniform(2, 8))
    radius = width / 2 * np.clip(1 + waves.sum(axis=0), 0.35, 1.8) * ends
    angle = 2 * np.pi * np.arange(CORNERS) / CORNERS
    section = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    section = np.sign(section) * np.abs(section) ** rng.uniform(0.35, 1)
    section = section * [1, rng.uniform(0.5, 1)]
    vertices = np.empty((RINGS, CORNERS, 3))
    vertices[..., 0] = (along[:, None] - 0.5) * length
    bend = np.outer(4 * along * (1 - along), rng.normal(0, 0.12, 2) * length)
    vertices[..., 1:] = radius[:, None, None] * section + bend[:, None]
    # Each quadrilateral between two rings: its corners in steps along and around.
    corners = np.array([[[0, 0], [0, 1], [1, 1]], [[0, 0], [1, 1], [1, 0]]])
    starts = np.moveaxis(np.mgrid[: RINGS - 1, :CORNERS], 0, -1).reshape(-1, 1, 1, 2)
    steps = (starts + corners).reshape(-1, 3, 2)
    faces = steps[..., 0] * CORNERS + steps[..., 1] % CORNERS
    texture = steps / [RINGS - 1, CORNERS] * rng.integers(1, 4, 2)
    return Solid(vertices.reshape(-1, 3), faces, texture)


def read_solid(rng: np.random.Generator, path: Path, length: float) -> Solid:
    """
    Read the surface of a Wavefront OBJ file, centre it, and lay a texture on it along the axes.

    :param length: of the longest side of its bounding box, in metres.
    :raises ValueError: when the file has no faces.
    """
    words = [line.split() for line in path.read_text().splitlines()]
    vertices = np.array([each[1:4] for each in words if each[:1] == ['v']], np.float64)
    triangles = []
    for _, *corners in (each for each in words if each[:1] == ['f']):
        first, *others = (int(corner.split('/')[0]) - 1 for corner in corners)
        triangles += [(first, *others[k : k + 2]) for k in range(len(others) - 1)]
    if not triangles:
        raise ValueError(f'{path} has no faces')
    faces = np.array(triangles)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    vertices = (vertices - (low + high) / 2) * length / (high - low).max()
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    planes = np.array([[1, 2], [2, 0], [0, 1]])[np.abs(normals).argmax(axis=1)]
    flat = np.take_along_axis(corners, planes[:, None].repeat(3, axis=1), axis=2)
    return Solid(vertices, faces, (flat / length + 0.5) * rng.uniform(0.8, 3))
