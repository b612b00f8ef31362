# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Real images to train on, read from a folder.

``davis/`` holds videos with masks in the layout of DAVIS, ``photographs/*.jpg`` backgrounds, and
``cutouts/*.png`` pictures of single things with an alpha channel. Any of the three may be absent,
but not the videos and the photographs both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

KEPT_IMAGES = 2000
"""Images, and masks, that a process keeps decoded: about a gigabyte at a height of 256 pixels."""


@dataclass(frozen=True)
class Cutout:
    """A thing without its surroundings."""

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
        found = sorted(path.name for path in images.iterdir()) if images.is_dir() else []
        unknown = sorted(set(held_out) - set(found))
        if unknown:
            raise ValueError(f'{images} has no video {unknown[0]!r} to hold out')
        self.videos = {
            name: list(
                zip(
                    sorted((images / name).glob('*.jpg')),
                    sorted((masks / name).glob('*.png')),
                    strict=True,
                )
            )
            for name in found
            if name not in held_out
        }
        self.names = list(self.videos)
        self.photographs = sorted((folder / 'photographs').glob('*.jpg'))
        self.cutouts = sorted((folder / 'cutouts').glob('*.png'))
        if not self.names and not self.photographs:
            raise ValueError(f'{folder} has neither davis/JPEGImages/480p nor photographs/*.jpg')

    def video(self, name: str, indices: Sequence[int]) -> tuple[list[Image], list[Image]]:
        """Return frames RGB [H, W, 3] of a video, and their masks [H, W] of 0 and 1."""
        paths = [self.videos[name][index] for index in indices]
        return [_rgb(image) for image, _ in paths], [_mask(mask) for _, mask in paths]

    def photograph(self, index: int) -> Image:
        """Return a photograph, RGB [H, W, 3]."""
        return _rgb(self.photographs[index])

    def cutout(self, index: int) -> Cutout:
        """Return one of the pictures of single things."""
        picture = _read(self.cutouts[index], cv2.IMREAD_UNCHANGED)
        return Cutout(
            np.ascontiguousarray(picture[..., 2::-1]), np.ascontiguousarray(picture[..., 3])
        )


def cut_out(image: Image, mask: Image) -> Cutout | None:
    """Cut what a mask [H, W] of 0 and 1 covers out of an image; None where it covers nothing."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    region = slice(y, y + height), slice(x, x + width)
    return Cutout(image[region], mask[region] * np.uint8(255))


@lru_cache(maxsize=KEPT_IMAGES)
def _rgb(path: Path) -> Image:
    return np.asarray(cv2.cvtColor(_read(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


@lru_cache(maxsize=KEPT_IMAGES)
def _mask(path: Path) -> Image:
    picture = _read(path, cv2.IMREAD_UNCHANGED)
    plane = picture if picture.ndim == 2 else picture.max(axis=2)
    return (plane > 0).astype(np.uint8)


def _read(path: Path, flag: int) -> Image:
    picture = cv2.imread(str(path), flag)
    if picture is None:
        raise ValueError(f'{path} cannot be read as an image')
    return np.asarray(picture, np.uint8)
