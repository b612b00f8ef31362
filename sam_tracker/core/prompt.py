# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts: points, a box, a mask, or a mixture of them, that mark one object of an image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sam_tracker.core.boxes import Box, Region

NEGATIVE = 0
POSITIVE = 1

MOST_POINTS = 256
"""Points of one prompt at most: its cost grows with the square of their number."""
LONGEST_LABEL = 256
"""Bytes of UTF-8 of an object's label at most: it is sent with every track."""


class PromptError(ValueError):
    """An invalid prompt; the text names the value that is wrong."""


def checked_label(label: str) -> str:
    """
    Return the label of an object.

    :raises PromptError: it has more than ``LONGEST_LABEL`` bytes, or is no text.
    """
    try:
        size = len(label.encode(errors='surrogateescape'))
    except UnicodeEncodeError as error:
        raise PromptError(f'the label {label!r} is no text: {error.reason}') from error
    if size > LONGEST_LABEL:
        raise PromptError(
            f'the label has {size} bytes, at most {LONGEST_LABEL} are allowed: {label[:20]!r}...'
        )
    return label


def _no_points() -> NDArray[np.float64]:
    return np.zeros((0, 2))


def _no_labels() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Prompt:
    """
    Points, box and mask that together mark one object of an image.

    Coordinates are pixels of the source image: origin in its top left corner, x to the right, y
    down, the centre of the top left pixel at (0.5, 0.5). Anything that NumPy converts to an array
    is accepted, and copied. ``validate`` checks the values against an image.

    :raises PromptError: an array has the wrong shape, labels and points differ in number, there
        are more than ``MOST_POINTS``, or a label is neither POSITIVE nor NEGATIVE.
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
        # A prompt may wait for its frame while the caller re-uses the arrays.
        points = _numbers(self.points, 'points')
        labels = _numbers(self.labels, 'labels')
        if points.size == 0:
            points = points.reshape(0, 2)
        if points.ndim != 2 or points.shape[1] != 2:
            raise PromptError(f'points must be N rows of x and y; their shape is {points.shape}')
        if len(points) > MOST_POINTS:
            raise PromptError(
                f'the prompt has {len(points)} points; at most {MOST_POINTS} are allowed'
            )
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

    def added_to(self, earlier: Prompt) -> Prompt:
        """
        Return this prompt combined with an earlier one on the same image.

        The points of both count, the newest ``MOST_POINTS`` of them; a new box replaces the
        earlier one, and a mask replaces the whole earlier prompt.
        """
        if self.mask is not None:
            return self
        return Prompt(
            points=np.concatenate((earlier.points, self.points))[-MOST_POINTS:],
            labels=np.concatenate((earlier.labels, self.labels))[-MOST_POINTS:],
            box=earlier.box if self.box is None else self.box,
        )

    @property
    def extent(self) -> Box | None:
        """[4] half open box around the object, as box or mask show it; None: only points."""
        if self.box is not None:
            return self.box
        if self.mask is None or not self.mask.any():
            return None
        rows, columns = (np.flatnonzero(self.mask.any(axis)) for axis in (1, 0))
        return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)

    def lies_in(self, region: Region) -> bool:
        """Return whether points, box and mask all lie in a part of the image."""
        extent, box = self.extent, region.box
        inside = ((self.points >= box[:2]) & (self.points <= box[2:])).all()
        if extent is None:
            return bool(inside)
        return bool(inside and (extent[:2] >= box[:2]).all() and (extent[2:] <= box[2:]).all())

    def validate(self, width: int, height: int, refining: bool = False) -> Prompt:
        """
        Return the prompt clipped to the image it was made on.

        Detectors and clicks near the border often lie a little outside.

        :param width: columns of the image.
        :param height: rows of the image.
        :param refining: the object is already tracked; its mask and memory say where it is, so
            that negative points alone are enough.
        :raises PromptError: the prompt is empty; a number is not finite; the box is empty,
            turned inside out or nowhere inside the image; no point is inside, or no positive one
            with neither box nor mask; the mask has another size than the image, or no pixel;
            all points are negative and nothing else says where a new object is.
        """
        if len(self.points) == 0 and self.box is None and self.mask is None:
            raise PromptError('the prompt is empty: it has no point, no box and no mask')
        size = f'the image of {width}x{height} pixels'
        if self.mask is not None:
            rows, columns = self.mask.shape
            if (columns, rows) != (width, height):
                raise PromptError(f'the mask has {columns}x{rows} pixels and does not fit {size}')
            if not self.mask.any():
                raise PromptError(f'the mask of {columns}x{rows} pixels is empty')
        corner = np.array([width, height], np.float64)
        box = None if self.box is None else _clipped_box(self.box, corner, size)
        located = refining or self.box is not None or self.mask is not None
        points = self._clipped_points(corner, size, located)
        inside = box is None or bool((box == self.box).all())
        if inside and np.array_equal(points, self.points):
            return self
        return replace(self, points=points, box=box)

    def _clipped_points(
        self, corner: NDArray[np.float64], size: str, located: bool
    ) -> NDArray[np.float64]:
        """Clip the points; one must be inside, and positive unless the object is located."""
        if not len(self.points):
            return self.points
        finite = np.isfinite(self.points).all(axis=1)
        if not finite.all():
            index = int(np.argmin(finite))
            raise PromptError(f'point {index} is not finite: {_text(self.points[index])}')
        counting = np.ones(len(self.points), np.bool_) if located else self.labels == POSITIVE
        if not counting.any():
            raise PromptError(
                f'all {len(self.labels)} points are negative: nothing says where the object is'
            )
        clipped = np.clip(self.points, 0, corner)
        if not (counting & (clipped == self.points).all(axis=1)).any():
            index = int(np.argmax(counting))
            raise PromptError(f'point {index} at {_text(self.points[index])} lies outside {size}')
        return clipped


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise PromptError(f'{name} must be numbers; got {values!r}') from error


def _text(point: NDArray[np.float64]) -> str:
    return f'({point[0]:g}, {point[1]:g})'


def _clipped_box(
    box: NDArray[np.float64], corner: NDArray[np.float64], size: str
) -> NDArray[np.float64]:
    x_min, y_min, x_max, y_max = box
    text = f'[{x_min:g}, {y_min:g}, {x_max:g}, {y_max:g}]'
    if not np.isfinite(box).all():
        raise PromptError(f'the box is not finite: {text}')
    if x_max < x_min or y_max < y_min:
        raise PromptError(f'the box is turned inside out: {text}')
    if x_max == x_min or y_max == y_min:
        raise PromptError(f'the box is empty: {text}')
    clipped = np.clip(box, 0, np.tile(corner, 2))
    if clipped[2] == clipped[0] or clipped[3] == clipped[1]:
        raise PromptError(f'the box {text} does not lie inside {size}')
    return clipped
