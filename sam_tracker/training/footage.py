# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Real images to train on, read from a folder.

``davis/`` holds videos with masks as DAVIS has them: ``JPEGImages/480p/NAME/*.jpg``, and under
the same names ``Annotations/480p/NAME/*.png``, whose values are ids of objects, 0 for none.
``photographs/*.jpg`` are backgrounds, ``cutouts/*.png`` pictures of single things with an alpha
channel, and ``turning/NAME/*.webp`` such pictures of one thing that turns, in order. Any of them
may be absent, but not the videos and the photographs both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import PIL.Image

from sam_tracker.core.paths import visible

Image = NDArray[np.uint8]

KEPT_IMAGES = 2000
"""Images, and masks, that a process keeps decoded: about a gigabyte at a height of 256 pixels."""


@dataclass(frozen=True)
class Cutout:
    """The image of an object without background."""

    image: Image
    """RGB [H, W, 3]."""
    alpha: Image
    """[H, W], 255 where the thing covers the pixel."""


class Footage:
    """
    The images of one folder.

    :param folder: as the module describes.
    :param held_out: names of videos to leave out.
    :raises ValueError: when there is nothing to be used as a background, or a name of ``held_out``
        is no video of the folder.
    """

    def __init__(self, folder: Path, held_out: Sequence[str] = ()) -> None:
        images, masks = folder / 'davis/JPEGImages/480p', folder / 'davis/Annotations/480p'
        found = [path.name for path in visible(images.iterdir())] if images.is_dir() else []
        unknown = sorted(set(held_out) - set(found))
        if unknown:
            raise ValueError(f'{images} has no video {unknown[0]!r} to hold out')
        self.videos = {
            name: list(
                zip(
                    visible((images / name).glob('*.jpg')),
                    visible((masks / name).glob('*.png')),
                    strict=True,
                )
            )
            for name in found
            if name not in held_out
        }
        self.names = list(self.videos)
        self.photographs = visible((folder / 'photographs').glob('*.jpg'))
        self.cutouts = visible((folder / 'cutouts').glob('*.png'))
        things = visible((folder / 'turning').glob('*'))
        views = (visible(thing.glob('*.webp')) for thing in things)
        self.turning = [paths for paths in views if paths]
        if not self.names and not self.photographs:
            raise ValueError(f'{folder} has neither davis/JPEGImages/480p nor photographs/*.jpg')

    def objects(self, name: str, index: int) -> list[int]:
        """Return the ids of the objects that a frame of a video shows, in ascending order."""
        return [int(each) for each in np.unique(_ids(self.videos[name][index][1])) if each]

    def video(
        self, name: str, indices: Sequence[int], object_id: int | None = None
    ) -> tuple[list[Image], list[Image]]:
        """
        Return frames RGB [H, W, 3] of a video, and the masks [H, W] of an object, of 0 and 1.

        :param object_id: one of ``objects``; None: all objects as one.
        """
        paths = [self.videos[name][index] for index in indices]
        ids = [_ids(mask) for _, mask in paths]
        masks = [each > 0 if object_id is None else each == object_id for each in ids]
        return [_rgb(image) for image, _ in paths], [mask.astype(np.uint8) for mask in masks]

    def draw_video(self, rng: np.random.Generator, frames: int) -> tuple[list[Image], list[Image]]:
        """
        Draw a piece of a video and one of the objects that its first frame shows.

        It runs forwards or backwards, with frames left out; see ``video``.
        """
        name = self.names[int(rng.integers(len(self.names)))]
        indices = _indices(rng, len(self.videos[name]), frames)
        ids = self.objects(name, indices[0])
        chosen = ids[int(rng.integers(len(ids)))] if len(ids) > 1 else next(iter(ids), None)
        return self.video(name, indices, chosen)

    def draw_photograph(self, rng: np.random.Generator) -> Image:
        """Draw a photograph, RGB [H, W, 3]."""
        return _rgb(self.photographs[int(rng.integers(len(self.photographs)))])

    def cutout(self, index: int) -> Cutout:
        """Return one of the pictures of single things."""
        return _cutout(self.cutouts[index])

    def view(self, index: int, view: int) -> Cutout:
        """Return one of the pictures of one of the things that turn."""
        return _cutout(self.turning[index][view])


def cut_out(image: Image, mask: Image) -> Cutout | None:
    """Cut what a mask [H, W] of 0 and 1 covers out of an image; None where it covers nothing."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    region = slice(y, y + height), slice(x, x + width)
    return Cutout(image[region], mask[region] * np.uint8(255))


def _indices(rng: np.random.Generator, length: int, frames: int) -> list[int]:
    longest = max(1, (length - 1) // max(frames - 1, 1))
    step = min(int(rng.choice([1, 1, 2, 2, 3, 4])), longest)
    start = int(rng.integers(max(1, length - step * (frames - 1))))
    indices = [min(start + step * index, length - 1) for index in range(frames)]
    return indices[::-1] if rng.random() < 0.4 else indices


def _cutout(path: Path) -> Cutout:
    picture = _read(path, cv2.IMREAD_UNCHANGED)
    if picture.ndim != 3 or picture.shape[2] != 4:
        raise ValueError(f'{path} has no alpha channel')
    if picture.dtype != np.uint8:
        raise ValueError(f'{path} has values of type {picture.dtype}, not of 8 bits')
    return Cutout(np.ascontiguousarray(picture[..., 2::-1]), np.ascontiguousarray(picture[..., 3]))


@lru_cache(maxsize=KEPT_IMAGES)
def _rgb(path: Path) -> Image:
    return np.asarray(cv2.cvtColor(_read(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


@lru_cache(maxsize=KEPT_IMAGES)
def _ids(path: Path) -> NDArray[np.integer[Any]]:
    """Return [H, W]: the values of a palette or grey image; of others 1 where they are lit."""
    try:
        with PIL.Image.open(path) as picture:
            values: NDArray[np.integer[Any]] = np.asarray(picture)
    except OSError as error:
        raise ValueError(f'{path} cannot be read as an image: {error}') from error
    if values.ndim == 3:
        values = np.asarray(values[..., :3].any(axis=2))
    return values


def _read(path: Path, flag: int) -> Image:
    picture = cv2.imread(str(path), flag)
    if picture is None:
        raise ValueError(f'{path} cannot be read as an image')
    return np.asarray(picture, np.uint8)
