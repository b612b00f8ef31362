# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Commands of a page, as values; ``command_parser`` reads them from the text of a websocket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region
from sam_tracker.rendering import Box
from sam_tracker.web.mask_runs import mask_of_runs


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """A mask that was drawn or chosen on the page."""

    region: Region
    runs: tuple[int, ...]
    """Of the region, see ``mask_of_runs``."""

    @property
    def crop(self) -> NDArray[np.uint8]:
        """
        Return the pixels, [region.height, region.width], 255 on the object, else 0.

        Computed at each call: a short message may be a mask of 64 million pixels.
        """
        return mask_of_runs(self.runs, self.region.width, self.region.height)


@dataclass(frozen=True, eq=False)
class Pointing:
    """What was pointed at, in pixels of the image."""

    stamp: int
    """Nanoseconds: the image that was pointed at; 0: the newest."""
    frame_id: str = ''
    points: tuple[tuple[float, float], ...] = ()
    point_labels: tuple[int, ...] = ()
    """1 on the object, 0 beside it, for each point."""
    box: Box | None = None
    mask: DrawnMask | None = None


@dataclass(frozen=True)
class Watch:
    """Show the images of a tracker from now on."""

    tracker: str


@dataclass(frozen=True)
class Shown:
    """A picture has been drawn: the page is ready for another one."""


@dataclass(frozen=True)
class AddPrompt:
    tracker: str
    pointing: Pointing
    object_id: int
    """The object to correct; 0: a new one."""
    label: str


@dataclass(frozen=True)
class FindCandidates:
    """Segment the image without tracking: by what was pointed at or, if given, by a text."""

    tracker: str
    pointing: Pointing
    text: str


@dataclass(frozen=True)
class RemoveObject:
    tracker: str
    object_id: int


@dataclass(frozen=True)
class Rename:
    tracker: str
    object_id: int
    label: str


@dataclass(frozen=True)
class ReadParameters:
    """Return the parameters that may be set at any time."""

    tracker: str


@dataclass(frozen=True)
class SetParameter:
    tracker: str
    name: str
    value: bool | int | float | str


@dataclass(frozen=True)
class StartRecording:
    tracker: str


@dataclass(frozen=True)
class StopRecording:
    tracker: str


@dataclass(frozen=True)
class Reset:
    tracker: str


@dataclass(frozen=True)
class SetPaused:
    tracker: str
    paused: bool


TrackerCommand: TypeAlias = (
    AddPrompt
    | FindCandidates
    | RemoveObject
    | Rename
    | Reset
    | SetPaused
    | ReadParameters
    | SetParameter
    | StartRecording
    | StopRecording
)
"""Commands that are answered."""
Command: TypeAlias = Watch | Shown | TrackerCommand


@dataclass(frozen=True)
class Request:
    """A command with the number under which the page expects the answer."""

    number: int
    command: Command
