# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Clips composed of real images: videos with masks, and moving objects pasted into them.

A scene has the pixels of its background: a video, or a photograph over which a camera pans.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.training.degradation import degraded
from sam_tracker.training.footage import Footage, Image
from sam_tracker.training.pasted_objects import PastedObject, draw_objects
from sam_tracker.training.windows import draw_windows
from sam_tracker.video.motion import SmoothNoise, period_for_speed

Array = NDArray[np.float64]

PASTED_NOTHING_SHARE = 0.45
"""Share of the clips with a video background that are shown unchanged."""
SCENE_HEIGHT = 256


@dataclass(frozen=True)
class Clip:
    """A clip and its truth."""

    frames: NDArray[np.uint8]
    """RGB [T, S, S, 3]."""
    masks: NDArray[np.uint8]
    """[T, S, S] ids of objects, from 1; 0 for all else."""


def compose_clip(rng: np.random.Generator, footage: Footage, frames: int, size: int) -> Clip:
    """Draw a clip of so many frames of ``size`` pixels; object ids may be missing on any frame."""
    use_video = bool(footage.names) and (not footage.photographs or rng.random() < 0.75)
    if use_video:
        backgrounds, masks = footage.draw_video(rng, frames)
    else:
        backgrounds = _panned(rng, footage.draw_photograph(rng), frames)
        masks = [np.zeros(backgrounds[0].shape[:2], np.uint8)] * frames
    things: list[PastedObject] = []
    if not use_video or rng.random() >= PASTED_NOTHING_SHARE:
        things = draw_objects(
            rng, footage, frames, backgrounds[0].shape[1], backgrounds[0].shape[0]
        )
    height, width = masks[0].shape
    target = _boxes(masks)
    candidates = [target] if use_video and not np.isnan(target[0, 0]) else []
    candidates += [np.stack([thing.box(t) for t in range(frames)]) for thing in things]
    candidates = [boxes for boxes in candidates if not np.isnan(boxes[0, 0])]
    if not candidates:
        candidates = [np.tile(np.array([0.0, 0.0, width, height]), (frames, 1))]
    windows = draw_windows(rng, candidates[int(rng.integers(len(candidates)))], width, height)
    images = np.empty((frames, size, size, 3), np.uint8)
    ids = np.empty((frames, size, size), np.uint8)
    for index in range(frames):
        x_min, y_min, x_max, y_max = windows[index]
        region = slice(y_min, y_max), slice(x_min, x_max)
        images[index] = _resized(backgrounds[index][region], size)
        ids[index] = _resized(masks[index][region] * np.uint8(255), size) >= 128
        scale = size / np.array([x_max - x_min, y_max - y_min])
        for number, thing in enumerate(things):
            thing.paste(index, windows[index, :2], scale, images[index], ids[index], number + 2)
    if rng.random() < 0.5:
        images, ids = images[:, :, ::-1], ids[:, :, ::-1]
    return Clip(degraded(np.ascontiguousarray(images), rng), np.ascontiguousarray(ids))


def _panned(rng: np.random.Generator, photograph: Image, frames: int) -> list[Image]:
    """Pan and zoom over a photograph."""
    rows, columns = photograph.shape[:2]
    aspect = rng.uniform(1.0, 1.8)
    height, width = SCENE_HEIGHT, int(SCENE_HEIGHT * aspect)
    largest = min(rows / height, columns / width)
    scale = largest * rng.uniform(0.35, 0.85)
    room = np.maximum(np.array([columns - scale * width, rows - scale * height]), 0) / 2
    speed = rng.uniform(0, 0.04) * width
    noise = SmoothNoise(rng, [period_for_speed(1.0, speed / (r + 1)) for r in (*room, 200.0)])
    result = []
    for index in range(frames):
        value = np.clip(noise(index), -1, 1)
        now = scale * np.exp(0.08 * value[2])
        centre = np.array([columns, rows]) / 2 + room * value[:2] * 0.9
        matrix = np.array(
            [[now, 0, centre[0] - now * width / 2], [0, now, centre[1] - now * height / 2]]
        )
        warped = cv2.warpAffine(
            photograph,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        result.append(np.asarray(warped, np.uint8))
    return result


def _boxes(masks: Sequence[Image]) -> Array:
    """Return the boxes [T, 4] of masks; NaN where there is none."""
    boxes = np.full((len(masks), 4), np.nan)
    for index, mask in enumerate(masks):
        x, y, width, height = cv2.boundingRect(mask)
        if width:
            boxes[index] = x, y, x + width, y + height
    return boxes


def _resized(picture: Image, side: int) -> Image:
    shrinks = min(picture.shape[:2]) > side
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.uint8)
