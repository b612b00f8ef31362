# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Objects that are pasted into clips, and their motion.

Their pixels come from videos, of which each frame is cut out in turn; from pictures of single
things, or of things that turn; or fill a shape with a piece of a photograph. Some pass in front of
others, some have a look-alike, and some are gone for a few frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.training.footage import Cutout, Footage, Image, cut_out
from sam_tracker.video import silhouettes
from sam_tracker.video.motion import Crossing, SmoothNoise, period_for_speed

Array = NDArray[np.float64]

PART_SHARE = 0.3
"""Share of unchanging things of which a part is the object."""


@dataclass(frozen=True)
class PastedObject:
    """A pasted object and its motion; lengths in pixels of the scene."""

    looks: Sequence[Cutout | None]
    """Its image on each frame; None: not visible."""
    path: Array
    """[T, 2] of its centre."""
    sizes: Array
    """[T] its longer side."""
    angles: Array
    """[T] in radians."""
    gain: float
    shutter: float
    part: Image | None = None
    """[H, W] like its one look, 255 where it is the object: a part, the rest being background."""

    def box(self, frame: int) -> Array:
        """Return a box [4] that it roughly fills; NaN where it is not visible."""
        look = self.looks[frame]
        if look is None:
            return np.full(4, np.nan)
        height, width = look.alpha.shape
        half = 0.5 * self.sizes[frame] * np.array([width, height]) / max(width, height)
        return np.concatenate([self.path[frame] - half, self.path[frame] + half])

    def paste(
        self,
        frame: int,
        corner: NDArray[np.int64],
        scale: Array,
        image: Image,
        ids: Image,
        object_id: int,
    ) -> None:
        """
        Draw it into the image of a window, in place, and its id where it covers a pixel.

        :param corner: [2], x and y of the window in the scene.
        :param scale: [2], pixels of the image in one of the scene, along x and y.
        :param image: RGB [S, S, 3].
        :param ids: [S, S].
        """
        look = self.looks[frame]
        if look is None:
            return
        rows, columns = look.alpha.shape
        grown = self.sizes[frame] / max(rows, columns)
        c, s = np.cos(self.angles[frame]), np.sin(self.angles[frame])
        matrix = scale[:, None] * np.array([[c, -s], [s, c]]) * grown
        picture, alpha, part = look.image, look.alpha, self.part
        shrink = float(np.sqrt(abs(np.linalg.det(matrix))))
        if shrink < 0.7:  # so that nothing flickers
            fewer = max(1, round(columns * shrink)), max(1, round(rows * shrink))
            picture, alpha = _shrunk(picture, fewer), _shrunk(alpha, fewer)
            part = None if part is None else _shrunk(part, fewer)
            matrix = matrix * (np.array([columns, rows]) / np.array(fewer))
            columns, rows = fewer
        centre = (self.path[frame] - corner) * scale
        reach = np.abs(matrix) @ np.array([columns, rows]) / 2
        before = self.path[max(frame - 1, 0)]
        travel = np.minimum(np.abs(self.path[frame] - before) * scale * self.shutter, 0.5 * reach)
        blur = int(travel[0]) | 1, int(travel[1]) | 1
        reach = reach + np.array(blur) / 2 + 1
        side = image.shape[0]
        left, top = np.clip((centre - reach).astype(int), 0, side)
        right, bottom = np.clip((centre + reach).astype(int) + 1, 0, side)
        if right - left < 1 or bottom - top < 1:
            return
        origin = centre - matrix @ np.array([columns, rows]) / 2 - np.array([left, top])
        whole = np.column_stack([matrix, origin])
        shape = int(right - left), int(bottom - top)
        cover = cv2.warpAffine(alpha, whole, shape, flags=cv2.INTER_LINEAR)
        surface = cv2.warpAffine(
            picture, whole, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        surface = cv2.convertScaleAbs(surface, alpha=self.gain)
        if blur != (1, 1):
            surface = cv2.blur(surface, blur)
            cover = cv2.blur(cover, blur, borderType=cv2.BORDER_CONSTANT)
        weights = cv2.cvtColor(cover, cv2.COLOR_GRAY2RGB)
        region = image[top:bottom, left:right]
        region[:] = cv2.add(
            cv2.multiply(surface, weights, scale=1 / 255),
            cv2.multiply(region, cv2.bitwise_not(weights), scale=1 / 255),
        )
        seen = ids[top:bottom, left:right]
        if part is None:
            seen[cover >= 128] = object_id
        else:
            seen[cover >= 128] = 0
            seen[cv2.warpAffine(part, whole, shape, flags=cv2.INTER_LINEAR) >= 128] = object_id


def draw_objects(
    rng: np.random.Generator, footage: Footage, frames: int, width: int, height: int
) -> list[PastedObject]:
    """Draw one to three objects, occluders and look-alikes."""
    unit = min(width, height)
    things: list[PastedObject] = []
    for _ in range(int(rng.integers(1, 4))):
        looks = _looks(rng, footage, frames)
        size = unit * np.exp(rng.uniform(np.log(0.08), np.log(0.6)))
        place = rng.uniform(0.1, 0.9, 2) * (width, height)
        things.append(_moving(rng, looks, size, place, frames))
    first = things[0]
    if rng.random() < 0.3:  # a look-alike
        place = first.path[0] + rng.normal(0, 1, 2) * first.sizes[0] * 1.5
        twin = _moving(rng, first.looks, first.sizes[0] * rng.uniform(0.85, 1.2), place, frames)
        things.insert(int(rng.integers(len(things) + 1)), twin)
    if frames > 2 and rng.random() < 0.35:  # something that passes in front
        meeting = frames * rng.uniform(0.3, 0.9)
        size = first.sizes[0] * rng.uniform(0.7, 1.8)
        angle = rng.uniform(0, 2 * np.pi)
        crossing = Crossing(
            first.path[int(meeting)],
            meeting,
            np.array([np.cos(angle), np.sin(angle)]),
            0.6 * (first.sizes[0] + size),
            4 * meeting,
        )
        front = _moving(rng, _looks(rng, footage, frames), size, crossing.place, frames)
        path = np.stack([crossing(float(index)) for index in range(frames)])
        things.append(replace(front, path=path))
    if frames > 2 and rng.random() < 0.2:  # something that is gone for a while
        index = int(rng.integers(len(things)))
        start = int(rng.integers(1, frames))
        end = int(rng.integers(start, frames)) + 1
        thing = things[index]
        looks = [None if start <= t < end else look for t, look in enumerate(thing.looks)]
        things[index] = replace(thing, looks=looks)
    return things


def _moving(
    rng: np.random.Generator,
    looks: Sequence[Cutout | None],
    size: float,
    place: Array,
    frames: int,
) -> PastedObject:
    """Move an object; most move by 1 to 15 % of their size a frame, some by half of it."""
    reach = size * rng.uniform(0.3, 3)
    fastest = 0.6 if rng.random() < 0.25 else 0.2
    speed = size * np.exp(rng.uniform(np.log(0.005), np.log(fastest)))
    period = period_for_speed(reach, speed)
    noise = SmoothNoise(
        rng, [period, period * rng.uniform(0.8, 1.25), rng.uniform(15, 60), rng.uniform(10, 60)]
    )
    values = np.stack([noise(float(index)) for index in range(frames)])
    values = values - values[0]
    turn = rng.uniform(0, 0.8) if rng.random() < 0.5 else 0.0
    first = looks[0]
    rigid = first is not None and all(look is first for look in looks)
    part = None
    if first is not None and rigid and rng.random() < PART_SHARE:
        part = _part(rng, first.alpha)
    tilt = rng.normal(0, 0.15) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
    return PastedObject(
        looks=looks,
        path=place + reach * values[:, :2],
        sizes=size * np.exp(rng.uniform(0, 0.4) * values[:, 2]),
        angles=tilt + turn * values[:, 3],
        gain=float(rng.uniform(0.7, 1.2)),
        shutter=float(rng.uniform(0, 0.7)) if rng.random() < 0.4 else 0.0,
        part=part,
    )


def _part(rng: np.random.Generator, alpha: Image) -> Image | None:
    """Draw a part of a thing, as a head is one; None where a piece of some size is not found."""
    rows, columns = alpha.shape
    axes = (rng.uniform(0.18, 0.4, 2) * (columns, rows)).astype(int) + 1
    centre = (rng.uniform(0.1, 0.9, 2) * (columns, rows)).astype(int)
    region = np.zeros_like(alpha)
    cv2.ellipse(region, centre.tolist(), axes.tolist(), rng.uniform(0, 180), 0, 360, 255, -1)
    part = np.asarray(cv2.min(region, alpha), np.uint8)
    covered = np.count_nonzero(part > 127)
    enough = covered > 0.4 * np.count_nonzero(region)
    return part if enough and covered < 0.7 * np.count_nonzero(alpha > 127) else None


def _looks(rng: np.random.Generator, footage: Footage, frames: int) -> Sequence[Cutout | None]:
    """Draw the image of an object on each frame."""
    kinds = ['video'] if footage.names else []
    kinds += ['cutout'] if footage.cutouts else []
    kinds += ['turning'] if footage.turning else []
    kinds = 2 * kinds + (['shape'] if footage.photographs else [])
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == 'video':
        images, masks = footage.draw_video(rng, frames)
        return [cut_out(image, mask) for image, mask in zip(images, masks, strict=True)]
    if kind == 'cutout':
        picture = footage.cutout(int(rng.integers(len(footage.cutouts))))
        return [_mirrored(picture) if rng.random() < 0.5 else picture] * frames
    if kind == 'turning':
        thing = int(rng.integers(len(footage.turning)))
        views = turning_views(rng, len(footage.turning[thing]), frames)
        pictures = [footage.view(thing, view) for view in views]
        return [_mirrored(each) for each in pictures] if rng.random() < 0.5 else pictures
    photograph = footage.draw_photograph(rng)
    rows, columns = photograph.shape[:2]
    side = min(int(rng.integers(48, 200)), rows, columns)
    top, left = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
    alpha = silhouettes.coverage(silhouettes.outline(rng, False), side, side)
    return [Cutout(photograph[top : top + side, left : left + side], alpha)] * frames


def turning_views(rng: np.random.Generator, views: int, frames: int) -> list[int]:
    """Draw the view of each frame: to and fro from a random one, a third at half the speed."""
    held = 2 if rng.random() < 1 / 3 else 1
    period = max(2 * views - 2, 1)
    places = (int(rng.integers(period)) + np.arange(frames) // held) % period
    return np.minimum(places, period - places).tolist()


def _mirrored(look: Cutout) -> Cutout:
    return Cutout(look.image[:, ::-1], look.alpha[:, ::-1])


def _shrunk(picture: Image, size: tuple[int, int]) -> Image:
    """Return a picture resized to width and height."""
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
