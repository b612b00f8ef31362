# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Random objects as URDF: a solid, or a body with a head and pairs of jointed limbs."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from sam_tracker.training.solids import Array, Solid, draw_rod, read_solid

MOMENTS = ('xx', 'xy', 'xz', 'yy', 'yz', 'zz')


class CreatureWriter:
    """
    Writes one thing at a time into a folder: ``thing.urdf``, and the meshes of its links.

    :param meshes: OBJ files of which some bodies and heads are made; the others are drawn.
    """

    def __init__(self, folder: Path, meshes: Sequence[Path]) -> None:
        self._folder = folder
        self._meshes = meshes
        self._robot = ElementTree.Element('robot', name='thing')
        self._smooth = True

    def write(self, rng: np.random.Generator, pairs: int) -> Path:
        """Draw and write a thing with so many pairs of limbs; 0: one solid without a joint."""
        self._robot = ElementTree.Element('robot', name='thing')
        self._smooth = bool(rng.random() < 0.7)
        length = rng.uniform(0.6, 1)
        body = self._bulk(rng, length)
        self._link('body', body)
        if pairs:
            self._add_head(rng, body, length)
        for number in range(pairs):
            share = rng.uniform(0.1, 0.9) if pairs == 1 else (number + 0.3) / (pairs - 0.4)
            self._add_limbs(rng, body, length, number, share)
        ElementTree.indent(self._robot)  # pybullet reads no line longer than 8 KiB
        path = self._folder / 'thing.urdf'
        ElementTree.ElementTree(self._robot).write(path)
        return path

    def _add_head(self, rng: np.random.Generator, body: Solid, length: float) -> None:
        self._link('head', self._bulk(rng, length * rng.uniform(0.3, 0.6)))
        _, _, top = body.vertices.max(axis=0)
        neck = _on(body, np.array([length / 2, 0, rng.uniform(0, 1) * top]))
        self._joint('body', 'head', neck, rng.normal(0, 0.5, 3), '0 0 1', rng.uniform(0.2, 0.9))

    def _add_limbs(
        self, rng: np.random.Generator, body: Solid, length: float, number: int, share: float
    ) -> None:
        """Add a limb to each side, at a share of the body's length, and its mirror image."""
        low, high = body.vertices.min(axis=0), body.vertices.max(axis=0)
        upper, lower = rng.uniform(0.25, 0.6, 2) * length
        thickness = rng.uniform(0.13, 0.32) * length
        above, below = draw_rod(rng, upper, thickness), draw_rod(rng, lower, 0.8 * thickness)
        drop, splay, bent = rng.uniform(0.2, 1.6), rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.8)
        hip_reach, knee_reach = rng.uniform(0.3, 1, 2)
        x = low[0] + share * (high[0] - low[0])
        for side, edge in ((1, high[1]), (-1, low[1])):
            thigh, shin = f'thigh_{number}_{side}', f'shin_{number}_{side}'
            self._link(thigh, above, upper / 2)
            self._link(shin, below, lower / 2)
            hip = _on(body, np.array([x, 0.7 * edge, 0.3 * low[2]]))
            turn = np.array([0, drop, side * (np.pi / 2 + splay)])
            self._joint('body', thigh, hip, turn, '0 0 1', hip_reach)
            knee, turn = np.array([0.9 * upper, 0, 0]), np.array([0, bent, 0])
            self._joint(thigh, shin, knee, turn, '0 1 0', knee_reach)

    def _bulk(self, rng: np.random.Generator, length: float) -> Solid:
        if self._meshes and rng.random() < 0.6:
            return read_solid(rng, self._meshes[int(rng.integers(len(self._meshes)))], length)
        return draw_rod(rng, length, length * rng.uniform(0.3, 0.9))

    def _link(self, name: str, solid: Solid, offset: float = 0.0) -> None:
        """Add a link; ``offset``: from its joint to its centre, along x."""
        solid.write(self._folder / f'{name}.obj', self._smooth)
        link = ElementTree.SubElement(self._robot, 'link', name=name)
        inertial = ElementTree.SubElement(link, 'inertial')
        ElementTree.SubElement(inertial, 'mass', value='1')
        moments = {f'i{axes}': '1' if axes[0] == axes[1] else '0' for axes in MOMENTS}
        ElementTree.SubElement(inertial, 'inertia', moments)
        for use in ('visual', 'collision'):
            part = ElementTree.SubElement(link, use)
            ElementTree.SubElement(part, 'origin', xyz=f'{offset:.5f} 0 0')
            geometry = ElementTree.SubElement(part, 'geometry')
            ElementTree.SubElement(geometry, 'mesh', filename=f'{name}.obj')

    def _joint(
        self, parent: str, child: str, place: Array, turn: Array, axis: str, reach: float
    ) -> None:
        """Add a joint that turns by ``reach`` to both sides of ``turn`` (roll, pitch, yaw)."""
        joint = ElementTree.SubElement(self._robot, 'joint', name=f'to_{child}', type='revolute')
        ElementTree.SubElement(joint, 'parent', link=parent)
        ElementTree.SubElement(joint, 'child', link=child)
        ElementTree.SubElement(joint, 'origin', xyz=_words(place), rpy=_words(turn))
        ElementTree.SubElement(joint, 'axis', xyz=axis)
        limits = {
            'lower': f'{-reach:.3f}',
            'upper': f'{reach:.3f}',
            'effort': '1',
            'velocity': '1',
        }
        ElementTree.SubElement(joint, 'limit', limits)


def _on(body: Solid, place: Array) -> Array:
    """Return a point just below the surface of a body near a place."""
    nearest = np.linalg.norm(body.vertices - place, axis=1).argmin()
    return np.asarray(0.9 * body.vertices[nearest])


def _words(vector: Array) -> str:
    return ' '.join(f'{value:.5f}' for value in vector)
