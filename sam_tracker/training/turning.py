# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
``python -m sam_tracker.training.turning OUT``: render things that turn, to train on.

Each becomes a folder of RGBA pictures, ``OUT/NAME/00.webp`` and on. From view to view it turns by
a few degrees about an axis that wanders, the light wanders too, and joints move. All views of a
thing are cropped alike, so that it keeps its size. Things are single solids, bodies with jointed
limbs, and robots; half of the drawn ones' bodies are meshes of pybullet_data.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
import tempfile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import PIL.Image

from sam_tracker.training.creatures import CreatureWriter
from sam_tracker.training.solids import Array

VIEWS = 16
LARGEST_SIDE = 112
"""Longer side of a picture, in pixels."""
RENDERED_SIDE = 320
"""At least twice as fine as the picture: the average of the mask is its alpha channel."""
QUALITY = 78
DARKEST_TEXTURE = 90.0
"""Mean, of 255, to which darker textures are lifted: black things do not show that they turn."""
SMALLEST_AREA = 200
"""In rendered pixels: things that show less in any view are left out."""
ROBOTS = (
    'bicycle/bike.urdf',
    'franka_panda/panda.urdf',
    'husky/husky.urdf',
    'kuka_iiwa/model.urdf',
    'pr2_gripper.urdf',
    'quadruped/minitaur.urdf',
    'quadruped/minitaur_rainbow_dash.urdf',
    'r2d2.urdf',
)
"""Robots of pybullet_data whose origins and licences are known: docs/fine_tuning.md."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """One rendered view of an object."""

    image: Image
    """RGB [S, S, 3]."""
    mask: Image
    """[S, S] of 0 and 1."""


@dataclass(frozen=True)
class _Swing:
    """Motion of a joint; in radians or metres."""

    joint: int
    middle: float
    reach: float
    phase: float
    rate: float
    """In radians a view."""

    def position(self, view: int) -> float:
        return self.middle + self.reach * float(np.sin(self.phase + self.rate * view))


class Stage:
    """
    Renders objects, one at a time.

    :param photographs: of which textures are cut; without any, things have plain colours.
    :param folder: for temporary files.
    :raises ModuleNotFoundError: without pybullet.
    """

    def __init__(self, photographs: list[Path], folder: Path) -> None:
        import pybullet
        import pybullet_data
        from pybullet_utils.bullet_client import BulletClient

        self._bullet: Any = BulletClient(connection_mode=pybullet.DIRECT)
        self._photographs = photographs
        self._folder = folder
        self._data = Path(pybullet_data.getDataPath())
        self._creatures = CreatureWriter(
            folder, sorted(self._data.glob('random_urdfs/*/[0-9]*.obj'))
        )

    def render(self, rng: np.random.Generator) -> list[View]:
        """
        Draw a thing and how it moves, and render its views.

        :raises ValueError: when a photograph cannot be read.
        """
        self._bullet.resetSimulation()
        self._bullet.setPhysicsEngineParameter(enableFileCaching=0)  # names are used again
        robot = rng.random() < 0.15
        if robot:
            path = self._data / str(rng.choice(ROBOTS))
        else:
            pairs = int(rng.integers(1, 4)) if rng.random() < 0.47 else 0
            path = self._creatures.write(rng, pairs)
        body = self._bullet.loadURDF(str(path), useFixedBase=True)
        self._paint(rng, body, robot)
        return self._turn(rng, body, self._swings(rng, body))

    def _paint(self, rng: np.random.Generator, body: int, robot: bool) -> None:
        """Give links one of two looks; some links of robots keep theirs."""
        colours = rng.uniform(0.05, 1, (2, 3)) ** rng.uniform(0.4, 1.2)
        looks: list[dict[str, Any]] = [{'rgbaColor': [*colour, 1]} for colour in colours]
        if self._photographs and not robot and rng.random() < 0.8:  # meshes of robots take none
            looks = [
                {
                    'rgbaColor': [*(0.5 + 0.5 * colour), 1],
                    'textureUniqueId': self._bullet.loadTexture(str(self._texture(rng, number))),
                }
                for number, colour in enumerate(colours)
            ]
        kept = float(rng.choice([0.3, 1])) if robot else 0.0
        for link in self._links(body):
            if rng.random() >= kept:
                self._bullet.changeVisualShape(body, link, **looks[int(rng.integers(2))])

    def _texture(self, rng: np.random.Generator, number: int) -> Path:
        """Cut a square out of a photograph and write it."""
        source = self._photographs[int(rng.integers(len(self._photographs)))]
        photograph = cv2.imread(str(source))
        if photograph is None:
            raise ValueError(f'{source} cannot be read as an image')
        side = int(min(photograph.shape[:2]) * rng.uniform(0.15, 0.6))
        top, left = (int(rng.integers(extent - side + 1)) for extent in photograph.shape[:2])
        piece = photograph[top : top + side, left : left + side]
        piece = cv2.resize(piece, (128, 128), interpolation=cv2.INTER_AREA)
        gain = max(1.0, DARKEST_TEXTURE / max(float(piece.mean()), 1.0))
        path = self._folder / f'texture_{number}.png'
        cv2.imwrite(str(path), cv2.convertScaleAbs(piece, alpha=gain))
        return path

    def _links(self, body: int) -> range:
        return range(-1, self._bullet.getNumJoints(body))  # -1 is the base

    def _swings(self, rng: np.random.Generator, body: int) -> list[_Swing]:
        rate = rng.uniform(0.2, 0.8)
        swings = []
        for joint in range(self._bullet.getNumJoints(body)):
            _, _, kind, _, _, _, _, _, lower, upper, *_ = self._bullet.getJointInfo(body, joint)
            if kind not in (self._bullet.JOINT_REVOLUTE, self._bullet.JOINT_PRISMATIC):
                continue
            if not 0 < upper - lower < 2 * np.pi:
                lower, upper = -1.0, 1.0  # it turns without an end
            middle = (lower + upper) / 2 + (upper - lower) * rng.uniform(-0.2, 0.2)
            reach = min(middle - lower, upper - middle) * rng.uniform(0.1, 0.7)
            phase, own = rng.uniform(0, 2 * np.pi), rate * rng.uniform(0.8, 1.25)
            swings.append(_Swing(joint, middle, reach, phase, own))
        return swings

    def _move(self, body: int, swings: list[_Swing], view: int) -> None:
        for swing in swings:
            self._bullet.resetJointState(body, swing.joint, swing.position(view))

    def _bounds(self, body: int, swings: list[_Swing]) -> tuple[Array, float]:
        """Return the centre [3] and radius in metres of a ball that all views lie in."""
        boxes = []
        for view in range(VIEWS):
            self._move(body, swings, view)
            self._bullet.performCollisionDetection()  # or boxes stay where they were
            boxes += [self._bullet.getAABB(body, link) for link in self._links(body)]
        low, high = np.min(boxes, axis=(0, 1)), np.max(boxes, axis=(0, 1))
        return (low + high) / 2, float(np.linalg.norm(high - low)) / 2

    def _turn(self, rng: np.random.Generator, body: int, swings: list[_Swing]) -> list[View]:
        """Render all views; the camera and the light move around the object."""
        centre, radius = self._bounds(body, swings)
        opening = rng.uniform(15, 50)  # degrees
        distance = 1.05 * radius / np.sin(np.radians(opening / 2))
        fixed = {
            'projectionMatrix': self._bullet.computeProjectionMatrixFOV(
                opening, 1, distance - 1.04 * radius, distance + 1.04 * radius
            ),
            'lightColor': rng.uniform(0.65, 1, 3).tolist(),
            'lightAmbientCoeff': rng.uniform(0.15, 0.5),
            'lightDiffuseCoeff': rng.uniform(0.6, 1),
            'lightSpecularCoeff': rng.uniform(0, 0.6) ** 2,
            'lightDistance': distance,
            'shadow': int(rng.random() < 0.4),
            'renderer': self._bullet.ER_TINY_RENDERER,
        }
        rotation = _rotation(rng.uniform(0, np.pi) * _unit(rng.normal(size=3)))
        axis, step = _unit(rng.normal(size=3)), np.radians(rng.uniform(4, 25))
        light, drift = _unit(rng.normal([0, 0.8, 1])), rng.normal(0, 0.06, 3)
        shape = RENDERED_SIDE, RENDERED_SIDE
        views = []
        for view in range(VIEWS):
            self._move(body, swings, view)
            pose = np.eye(4)  # from the world to the camera, which looks along -z
            pose[:3, :3] = rotation
            pose[:3, 3] = [0, 0, -distance] - rotation @ centre
            _, _, pixels, _, ids = self._bullet.getCameraImage(
                *shape,
                viewMatrix=pose.T.ravel().tolist(),
                lightDirection=(distance * rotation.T @ light).tolist(),
                **fixed,
            )
            image = np.reshape(pixels, (*shape, 4))[..., :3].astype(np.uint8)
            views.append(View(image, (np.reshape(ids, shape) == body).astype(np.uint8)))
            rotation = _rotation(axis * step * rng.uniform(0.6, 1.4)) @ rotation
            axis = _unit(axis + rng.normal(0, 0.15, 3))
            drift = drift + rng.normal(0, 0.03, 3)
            light = _unit(light + drift)
        return views


def crop(views: list[View]) -> list[Image]:
    """Return RGBA [H, W, 4] pictures: what any of the views covers, shrunk to half or less."""
    x, y, width, height = cv2.boundingRect(np.maximum.reduce([view.mask for view in views]))
    scale = min(LARGEST_SIDE / max(width, height), 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pictures = []
    for view in views:
        region = slice(y, y + height), slice(x, x + width)
        cover = view.mask[region].astype(np.float32)
        lit = np.dstack([view.image[region] * cover[..., None], cover])
        light, alpha = np.split(cv2.resize(lit, size, interpolation=cv2.INTER_AREA), [3], axis=2)
        # Colours continue past the edge, for interpolation.
        near = cv2.GaussianBlur(np.dstack([light, alpha]), (0, 0), 2)
        beyond = near[..., :3] / np.maximum(near[..., 3:], 1e-4)
        colour = np.where(alpha > 0.02, light / np.maximum(alpha, 0.02), beyond)
        rgba = np.dstack([colour, 255 * alpha])
        pictures.append(np.clip(np.rint(rgba), 0, 255).astype(np.uint8))
    return pictures


def render_things(out: Path, photographs: list[Path], seeds: range) -> None:
    """
    Render a thing for each seed; what is there already stays, so that a run can go on.

    :raises ModuleNotFoundError: without pybullet.
    """
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(photographs, Path(folder))
        for seed in seeds:
            target, unfinished = out / f'{seed:05}', out / f'.{seed:05}'
            if target.exists():
                continue
            views = stage.render(np.random.default_rng(seed))
            if min(np.count_nonzero(view.mask) for view in views) < SMALLEST_AREA:
                continue
            unfinished.mkdir(parents=True, exist_ok=True)
            for number, picture in enumerate(crop(views)):
                PIL.Image.fromarray(picture).save(
                    unfinished / f'{number:02}.webp', quality=QUALITY, alpha_quality=80, method=6
                )
            unfinished.rename(target)


def main() -> None:
    """Read the command line, and render."""
    parser = argparse.ArgumentParser(
        prog='python -m sam_tracker.training.turning',
        description='Render things that turn, to train on.',
    )
    parser.add_argument('output', type=Path, help='folder, CLIPS/turning of a folder of clips')
    parser.add_argument('--photographs', type=Path, help='folder of *.jpg to cut textures from')
    parser.add_argument('--objects', type=int, default=600, help='so many (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of the first (%(default)s)')
    options = parser.parse_args()
    photographs = sorted(options.photographs.glob('*.jpg')) if options.photographs else []
    seeds = range(options.seed, options.seed + options.objects)
    try:
        render_things(options.output, photographs, seeds)
    except ModuleNotFoundError as error:
        parser.error(f'{error}: pip install pybullet')


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def _rotation(vector: Array) -> Array:
    """Return the matrix [3, 3] of a rotation vector in radians."""
    return np.asarray(cv2.Rodrigues(vector)[0])


if __name__ == '__main__':
    main()
