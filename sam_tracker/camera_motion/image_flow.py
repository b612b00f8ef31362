# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The camera's motion from the images themselves: sparse optical flow of the background.

Corners beside the tracked objects are followed from one small grey image to the next (Lucas and
Kanade's method, in a pyramid), there and back. A similarity (shift, zoom, roll) is fitted to those
that return, with outliers rejected. It is used only if it explains most corners, in most parts of
the image, and if the image moved by it resembles the next one more than the image left in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box
from sam_tracker.core.frame import Frame

LONGER_SIDE = 320
"""Pixels that the small grey images come close to, in which corners are followed."""
SMALLEST_SIDE = 32
"""Pixels of a small image below which nothing is measured."""
CORNERS = 80
"""At most so many are followed."""
CORNER_QUALITY = 0.01
"""Least strength of a corner, as a share of the strongest one's."""
CORNER_DISTANCE = 4.5
"""Pixels between two corners; they are sought at half the size of the small images."""
MARGIN = 0.15
"""Share of its side by which an object's box is widened; no corners are sought in it."""
FLOW_WINDOW = 9
"""Side, in small pixels, of the patches that are followed."""
PYRAMID = 3
"""Halvings of the small image: motions of up to about 50 of its pixels are found."""
RETURN_ERROR = 0.7
"""Small pixels by which a corner that is followed there and back may be off."""
INLIER_ERROR = 1.5
"""Small pixels by which a corner may disagree with the motion."""
LEAST_CORNERS = 12
LEAST_SHARE = 0.5
"""Share of the returned corners that must agree with the motion."""
GRID = (4, 3)
"""Parts of the image, across and down; corners must agree in most of those that have any."""
COMPARED_SIDE = 80
"""Longer side, in pixels, of the images by which the result is checked."""

Gray = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _SmallImage:
    stamp: int
    gray: Gray
    size: tuple[int, int]
    """Width and height of the frame."""
    factor: int
    """Factor by which lengths are reduced; remaining columns and rows are cut off."""

    @property
    def matrix(self) -> NDArray[np.float64]:
        """[3, 3] from pixels of the frame, centres at +0.5, to small ones, centres at +0."""
        scale = 1 / self.factor
        return np.array([[scale, 0, -0.5], [0, scale, -0.5], [0, 0, 1.0]])


class ImageFlow:
    """
    Measures the motion of the camera by the images; a ``CameraMotionSource``.

    Keeps one small image, so that each frame is reduced once. Not thread-safe.
    """

    def __init__(self) -> None:
        self._last: _SmallImage | None = None

    def between(
        self, previous: Frame, frame: Frame, objects: Sequence[Box]
    ) -> NDArray[np.float64] | None:
        """Implement ``CameraMotionSource``; None between frames of different sizes."""
        before = self._last
        if before is None or before.stamp != previous.stamp:
            before = _reduced(previous)
        self._last = after = _reduced(frame)
        if before.size != after.size or min(after.gray.shape) < SMALLEST_SIDE:
            return None
        found = _similarity(before, after, objects)
        if found is None or not _explains(found, before.gray, after.gray):
            return None
        return np.linalg.inv(after.matrix) @ found @ before.matrix

    def close(self) -> None:
        """Forget the last image."""
        self._last = None


def _reduced(frame: Frame) -> _SmallImage:
    gray = np.asarray(cv2.cvtColor(np.asarray(frame.pixels), cv2.COLOR_RGB2GRAY), np.uint8)
    # Whole factors are ten times as fast as others.
    factor = max(round(max(gray.shape) / LONGER_SIDE), 1)
    return _SmallImage(frame.stamp, _smaller(gray, factor), (frame.width, frame.height), factor)


def _smaller(gray: Gray, factor: int) -> Gray:
    """Return an image with lengths reduced by a whole factor."""
    # A side shorter than the factor becomes one pixel.
    height, width = (max(side // factor, 1) for side in gray.shape)
    whole = gray[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _similarity(
    before: _SmallImage, after: _SmallImage, objects: Sequence[Box]
) -> NDArray[np.float64] | None:
    """Return the motion [3, 3] in small pixels that most corners agree on; None: there is none."""
    corners = cv2.goodFeaturesToTrack(
        _smaller(before.gray, 2),
        CORNERS,
        CORNER_QUALITY,
        CORNER_DISTANCE,
        mask=_background(before, objects),
    )
    if corners is None or len(corners) < LEAST_CORNERS:
        return None
    corners = 2 * corners + np.float32(0.5)
    there = _followed(before.gray, after.gray, corners)
    back = _followed(after.gray, before.gray, there)
    returned = np.abs(back - corners).max((1, 2)) < RETURN_ERROR
    start, end = corners[returned, 0], there[returned, 0]
    if len(start) < LEAST_CORNERS:
        return None
    affine, agreeing = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=INLIER_ERROR
    )
    if affine is None:
        return None
    agrees = agreeing[:, 0].astype(bool)
    if agrees.sum() < max(LEAST_CORNERS, LEAST_SHARE * len(start)):
        return None
    parts = _parts(start, before.gray.shape)
    if 2 * len(np.unique(parts[agrees])) <= len(np.unique(parts)):
        return None
    return np.vstack((affine, (0, 0, 1)))


def _background(image: _SmallImage, objects: Sequence[Box]) -> Gray:
    """Return a mask of half the size of a small image, 255 where no object is."""
    height, width = (side // 2 for side in image.gray.shape)
    mask = np.full((height, width), 255, np.uint8)
    for box in objects:
        margin = MARGIN * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
        x, y, right, bottom = ((box + margin) / (2 * image.factor)).round().astype(int)
        mask[max(y, 0) : max(bottom, 0), max(x, 0) : max(right, 0)] = 0
    return mask


def _followed(before: Gray, after: Gray, corners: Points) -> Points:
    """Return where corners [N, 1, 2] go; far outside for those that are lost."""
    start = np.zeros_like(corners)
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, start, winSize=(FLOW_WINDOW, FLOW_WINDOW), maxLevel=PYRAMID
    )
    return np.where(status[:, :, None] > 0, found, np.float32(-1e6))


def _parts(points: Points, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the part of the image, numbered along rows, that each point [N, 2] is in."""
    across, down = GRID
    column = (points[:, 0] * across / shape[1]).astype(int).clip(0, across - 1)
    row = (points[:, 1] * down / shape[0]).astype(int).clip(0, down - 1)
    return np.asarray(row * across + column)


def _explains(motion: NDArray[np.float64], before: Gray, after: Gray) -> bool:
    """Return whether the image moved so resembles the next one more than it does unmoved."""
    factor = max(round(max(before.shape) / COMPARED_SIDE), 1)
    first, second = _smaller(before, factor), _smaller(after, factor)
    size, scale = first.shape[::-1], 1 / factor
    # Between pixels whose centres lie at whole numbers.
    small = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])
    matrix = (small @ motion @ np.linalg.inv(small))[:2]
    moved = cv2.warpAffine(first, matrix, size)
    shown = cv2.warpAffine(np.full_like(first, 255), matrix, size) == 255
    if not shown.any():
        return False
    target = second[shown].astype(int)
    return bool(np.abs(moved[shown] - target).sum() <= np.abs(first[shown] - target).sum())
