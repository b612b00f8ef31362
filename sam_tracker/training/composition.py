# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Clips composed of real images: videos with masks, and moving objects pasted into them.

A scene has the pixels of its background, a video or a photograph over which a camera pans. What
is pasted comes from other videos, of which each frame is cut out in turn; from pictures of single
things, or of things that turn; or is a shape filled with a piece of a photograph. Some things pass
in front of others, some have a look-alike, and some are gone for a few frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.training.degradation import degraded
from sam_tracker.training.footage import Cutout, Footage, Image, cut_out
from sam_tracker.training.windows import draw_windows
from sam_tracker.video import silhouettes
from sam_tracker.video.motion import Crossing, SmoothNoise, period_for_speed

Array = NDArray[np.float64]

PART_SHARE = 0.3
"""Share of unchanging things of which a part is the object."""
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


@dataclass(frozen=True)
class _Thing:
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


def compose_clip(rng: np.random.Generator, footage: Footage, frames: int, size: int) -> Clip:
    """Draw a clip of so many frames of ``size`` pixels; object ids may be missing on any frame."""
    use_video = bool(footage.names) and (not footage.photographs or rng.random() < 0.75)
    if use_video:
        backgrounds, masks = _video(rng, footage, frames)
    else:
        backgrounds = _panned(rng, _photograph(rng, footage), frames)
        masks = [np.zeros(backgrounds[0].shape[:2], np.uint8)] * frames
    things: list[_Thing] = []
    if not use_video or rng.random() >= PASTED_NOTHING_SHARE:
        things = _things(rng, footage, frames, backgrounds[0].shape[1], backgrounds[0].shape[0])
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
            _paste(thing, index, windows[index, :2], scale, images[index], ids[index], number + 2)
    if rng.random() < 0.5:
        images, ids = images[:, :, ::-1], ids[:, :, ::-1]
    return Clip(degraded(np.ascontiguousarray(images), rng), np.ascontiguousarray(ids))


def _video(
    rng: np.random.Generator, footage: Footage, frames: int
) -> tuple[list[Image], list[Image]]:
    """Draw a piece of a video and one of its objects; forwards or not, with frames left out."""
    name = footage.names[int(rng.integers(len(footage.names)))]
    indices = _indices(rng, len(footage.videos[name]), frames)
    ids = footage.objects(name, indices[0])
    chosen = ids[int(rng.integers(len(ids)))] if len(ids) > 1 else next(iter(ids), None)
    return footage.video(name, indices, chosen)


def _indices(rng: np.random.Generator, length: int, frames: int) -> list[int]:
    longest = max(1, (length - 1) // max(frames - 1, 1))
    step = min(int(rng.choice([1, 1, 2, 2, 3, 4])), longest)
    start = int(rng.integers(max(1, length - step * (frames - 1))))
    indices = [min(start + step * index, length - 1) for index in range(frames)]
    return indices[::-1] if rng.random() < 0.4 else indices


def _photograph(rng: np.random.Generator, footage: Footage) -> Image:
    return footage.photograph(int(rng.integers(len(footage.photographs))))


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


def _things(
    rng: np.random.Generator, footage: Footage, frames: int, width: int, height: int
) -> list[_Thing]:
    """Draw one to three objects, occluders and look-alikes."""
    unit = min(width, height)
    things: list[_Thing] = []
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
) -> _Thing:
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
    return _Thing(
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
        images, masks = _video(rng, footage, frames)
        return [cut_out(image, mask) for image, mask in zip(images, masks, strict=True)]
    if kind == 'cutout':
        picture = footage.cutout(int(rng.integers(len(footage.cutouts))))
        return [_mirrored(picture) if rng.random() < 0.5 else picture] * frames
    if kind == 'turning':
        thing = int(rng.integers(len(footage.turning)))
        views = turning_views(rng, len(footage.turning[thing]), frames)
        pictures = [footage.view(thing, view) for view in views]
        return [_mirrored(each) for each in pictures] if rng.random() < 0.5 else pictures
    photograph = _photograph(rng, footage)
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


def _paste(
    thing: _Thing,
    frame: int,
    corner: NDArray[np.int64],
    scale: Array,
    image: Image,
    ids: Image,
    object_id: int,
) -> None:
    """Draw a thing into a window's image; ``corner`` and ``scale`` lead there from the scene."""
    look = thing.looks[frame]
    if look is None:
        return
    rows, columns = look.alpha.shape
    grown = thing.sizes[frame] / max(rows, columns)
    c, s = np.cos(thing.angles[frame]), np.sin(thing.angles[frame])
    matrix = scale[:, None] * np.array([[c, -s], [s, c]]) * grown
    picture, alpha, part = look.image, look.alpha, thing.part
    shrink = float(np.sqrt(abs(np.linalg.det(matrix))))
    if shrink < 0.7:  # so that nothing flickers
        fewer = max(1, round(columns * shrink)), max(1, round(rows * shrink))
        picture = np.asarray(cv2.resize(picture, fewer, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, fewer, interpolation=cv2.INTER_AREA), np.uint8)
        if part is not None:
            part = np.asarray(cv2.resize(part, fewer, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix * (np.array([columns, rows]) / np.array(fewer))
        columns, rows = fewer
    centre = (thing.path[frame] - corner) * scale
    reach = np.abs(matrix) @ np.array([columns, rows]) / 2
    before = thing.path[max(frame - 1, 0)]
    travel = np.minimum(np.abs(thing.path[frame] - before) * scale * thing.shutter, 0.5 * reach)
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
    surface = cv2.convertScaleAbs(surface, alpha=thing.gain)
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
