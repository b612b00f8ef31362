# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a person, or a program, says to point at an object: points, a box, a mask, or a mixture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEGATIVE = 0
POSITIVE = 1


class PromptError(ValueError):
    """A prompt that cannot be followed; the text names the value that is wrong."""


def _no_points() -> NDArray[np.float64]:
    return np.zeros((0, 2))


def _no_labels() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Prompt:
    """
    Points, box and mask that together mean one object of one image.

    Coordinates are pixels of the source image: origin in its top left corner, x to the right, y
    down, the centre of the top left pixel at (0.5, 0.5). Whatever numpy can read is taken and
    copied. Raises ``PromptError`` when an array has the wrong shape or labels and points differ
    in number; ``validate`` checks the values against an image.
    """

    points: NDArray[np.float64] = field(default_factory=_no_points)
    """[N, 2], x and y."""
    labels: NDArray[np.int64] = field(default_factory=_no_labels)
    """[N], POSITIVE (on the object) or NEGATIVE (beside it) for each of points."""
    box: NDArray[np.float64] | None = None
    """[4], x_min, y_min, x_max, y_max, half open; None: no box."""
    mask: NDArray[np.bool_] | None = None
    """[H, W] of the image; None: no mask."""

    def __post_init__(self) -> None:
        # The caller's arrays are copied: a prompt may wait for its frame while they are re-used.
        points = _numbers(self.points, 'points')
        labels = _numbers(self.labels, 'labels')
        if points.size == 0:
            points = points.reshape(0, 2)
        if points.ndim != 2 or points.shape[1] != 2:
            raise PromptError(f'points must be N rows of x and y; their shape is {points.shape}')
        if labels.ndim != 1 or len(labels) != len(points):
            raise PromptError(
                f'every point needs one label: {len(points)} points, labels of shape'
                f' {labels.shape}'
            )
        for index, label in enumerate(labels):
            if label not in {NEGATIVE, POSITIVE}:
                raise PromptError(
                    f'label {index} is {label:g}; it must be {NEGATIVE} (beside the object) or'
                    f' {POSITIVE} (on it)'
                )
        object.__setattr__(self, 'points', points)
        object.__setattr__(self, 'labels', labels.astype(np.int64))
        if self.box is not None:
            box = _numbers(self.box, 'box')
            if box.shape != (4,):
                raise PromptError(
                    f'a box is x_min, y_min, x_max, y_max; the shape given is {box.shape}'
                )
            object.__setattr__(self, 'box', box)
        if self.mask is not None:
            mask = np.array(self.mask) != 0
            if mask.ndim != 2:
                raise PromptError(f'a mask is H rows of W pixels; its shape is {mask.shape}')
            object.__setattr__(self, 'mask', mask)

    def validate(self, width: int, height: int, refining: bool = False) -> None:
        """
        Check every value against the image the prompt was made on.

        :param width: columns of the image.
        :param height: rows of the image.
        :param refining: of an object that is followed, whose mask and memory already say where
            it is: negative points alone are then enough.

        Raises ``PromptError`` when there is nothing in the prompt; a number is not finite; a
        point or the box lies outside the image; the box is empty or turned inside out; the mask
        has another size than the image, or no pixel; or all points are negative and nothing else
        says where a new object is.
        """
        if len(self.points) == 0 and self.box is None and self.mask is None:
            raise PromptError('the prompt is empty: it has no point, no box and no mask')
        size = f'the image of {width}x{height} pixels'
        for index, (x, y) in enumerate(self.points):
            if not (np.isfinite(x) and np.isfinite(y)):
                raise PromptError(f'point {index} is not finite: ({x:g}, {y:g})')
            if not (0 <= x <= width and 0 <= y <= height):
                raise PromptError(f'point {index} at ({x:g}, {y:g}) lies outside {size}')
        if self.box is not None:
            _validate_box(self.box, width, height, size)
        if self.mask is not None:
            rows, columns = self.mask.shape
            if (columns, rows) != (width, height):
                raise PromptError(f'the mask has {columns}x{rows} pixels and does not fit {size}')
            if not self.mask.any():
                raise PromptError(f'the mask of {columns}x{rows} pixels is empty')
        located = refining or self.box is not None or self.mask is not None
        if not located and not (self.labels == POSITIVE).any():
            raise PromptError(
                f'all {len(self.labels)} points are negative: nothing says where the object is'
            )


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f'{name} must be numbers; got {values!r}') from error


def _validate_box(box: NDArray[np.float64], width: int, height: int, size: str) -> None:
    x_min, y_min, x_max, y_max = box
    text = f'[{x_min:g}, {y_min:g}, {x_max:g}, {y_max:g}]'
    if not np.isfinite(box).all():
        raise PromptError(f'the box is not finite: {text}')
    if x_max < x_min or y_max < y_min:
        raise PromptError(f'the box is turned inside out: {text}')
    if x_max == x_min or y_max == y_min:
        raise PromptError(f'the box is empty: {text}')
    if x_min < 0 or y_min < 0 or x_max > width or y_max > height:
        raise PromptError(f'the box {text} does not lie inside {size}')
