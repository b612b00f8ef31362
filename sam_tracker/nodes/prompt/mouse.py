# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Turn mouse and keyboard events into prompts and commands, without a window and without ROS.

Left click: a point on the object. Right click: a point beside it. Dragging with the left button:
a box. They refine the selected object, or start a new one if none is selected.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sam_tracker.rendering import Box

SMALLEST_DRAG = 4
"""Pixels; a shorter drag is a click."""

HELP = (
    'left: point on it | right: point beside it | drag: box | n: new | tab, 1-9: select | '
    'x: remove | r: reset | space: pause | q: quit'
)

TAB, ESCAPE, BACKSPACE, DELETE = 9, 27, 8, 127


@dataclass(frozen=True)
class AddPrompt:
    """A prompt; coordinates in pixels of the image, the first pixel's centre at (0.5, 0.5)."""

    object_id: int
    """0: a new object."""
    points: tuple[tuple[float, float], ...] = ()
    point_labels: tuple[int, ...] = ()
    """1 on the object, 0 beside it."""
    box: Box | None = None


@dataclass(frozen=True)
class RemoveObject:
    object_id: int


@dataclass(frozen=True)
class SetPaused:
    paused: bool


@dataclass(frozen=True)
class Reset:
    pass


@dataclass(frozen=True)
class Quit:
    pass


Command: TypeAlias = AddPrompt | RemoveObject | SetPaused | Reset | Quit


@dataclass
class MousePrompts:
    """Turns events into commands; pixels are those of the image, counted from 0."""

    width: int = 0
    height: int = 0
    """Of the image; the caller updates them."""
    object_ids: Sequence[int] = ()
    """Of the tracked objects; the caller updates them."""
    selected: int = 0
    """Id of the object to refine; 0: the next prompt starts a new one."""
    paused: bool = False
    hint: str = ''
    """Why the last event had no effect."""
    _start: tuple[int, int] | None = field(default=None, init=False)
    _end: tuple[int, int] = field(default=(0, 0), init=False)

    @property
    def dragged_box(self) -> Box | None:
        """The box that is being drawn, half open; None without one."""
        if self._start is None:
            return None
        (x1, y1), (x2, y2) = self._start, self._end
        if max(abs(x2 - x1), abs(y2 - y1)) < SMALLEST_DRAG:
            return None
        left, right = sorted((x1, x2))
        top, bottom = sorted((y1, y2))
        return float(left), float(top), float(right + 1), float(bottom + 1)

    @property
    def busy(self) -> bool:
        """Whether a button is down, during which the image should not change."""
        return self._start is not None

    def press(self, button: Literal['left', 'right'], x: int, y: int) -> Command | None:
        self.hint = ''
        if button == 'left':
            self._start = self._end = self._inside(x, y)
            return None
        if not self.selected:
            self.hint = 'a point beside an object needs a selected object: press tab'
            return None
        return self._point(x, y, 0)

    def move(self, x: int, y: int) -> None:
        if self._start is not None:
            self._end = self._inside(x, y)

    def release(self, x: int, y: int) -> Command | None:
        """Handle the release of the left button."""
        if self._start is None:
            return None
        self.move(x, y)
        box, start = self.dragged_box, self._start
        self._start = None
        if box is not None:
            return AddPrompt(self.selected, box=box)
        return self._point(*start, 1)

    def key(self, code: int) -> Command | None:
        """Handle a key, by its code from OpenCV's waitKey."""
        self.hint = ''
        character = chr(code) if 0 <= code < 128 else ''
        if character == 'q' or code == ESCAPE:
            return Quit()
        if character == 'r':
            self.selected = 0
            return Reset()
        if character in {' ', 'p'} and character:
            self.paused = not self.paused
            return SetPaused(self.paused)
        if character == 'x' or code in {BACKSPACE, DELETE}:
            return self._remove()
        if character == 'n':
            self.selected = 0
        elif code == TAB:
            self._select_next()
        elif character.isdecimal():
            self._select(int(character))
        return None

    def forget_missing(self) -> None:
        """Deselect the object if it is no longer tracked."""
        if self.selected not in self.object_ids:
            self.selected = 0

    def _remove(self) -> Command | None:
        if not self.selected:
            self.hint = 'nothing is selected: press tab or a digit'
            return None
        removed, self.selected = self.selected, 0
        return RemoveObject(removed)

    def _select_next(self) -> None:
        choices = [0, *self.object_ids]
        place = choices.index(self.selected) if self.selected in choices else 0
        self.selected = choices[(place + 1) % len(choices)]
        if len(choices) == 1:
            self.hint = 'there is no object yet'

    def _select(self, object_id: int) -> None:
        if object_id in {0, *self.object_ids}:
            self.selected = object_id
        else:
            self.hint = f'there is no object {object_id}'

    def _point(self, x: int, y: int, label: int) -> AddPrompt:
        x, y = self._inside(x, y)
        return AddPrompt(self.selected, points=((x + 0.5, y + 0.5),), point_labels=(label,))

    def _inside(self, x: int, y: int) -> tuple[int, int]:
        """Return the nearest pixel of the image: a drag may end outside."""
        return min(max(x, 0), self.width - 1), min(max(y, 0), self.height - 1)
