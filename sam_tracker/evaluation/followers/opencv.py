# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The best box tracker without a network in the installed OpenCV.

CSRT (Lukežič et al., CVPR 2017) is the baseline. It is part of OpenCV's contributed modules,
which ROS distributions include and the wheel ``opencv-python-headless`` does not; there MIL takes
its place. ``opencv-contrib-python-headless`` has it, and may lie in a folder of its own that is
put on PYTHONPATH: two wheels of OpenCV must not be installed over each other.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.followers.follower import (
    Box,
    Observation,
    box_of_prompt,
    filled_box,
)

_PREFERRED = ('CSRT', 'KCF', 'MIL')


class OpenCvTracker:
    """Tracks each object with one of OpenCV's trackers, on BGR images."""

    def __init__(self, algorithm: str | None = None) -> None:
        """Use the algorithm of that name, or the best available one; see ``algorithms``."""
        available = algorithms()
        self.name = algorithm or next(iter(available))
        if self.name not in available:
            raise ValueError(
                f'the installed OpenCV {cv2.__version__} has no {self.name} tracker; it has'
                f' {", ".join(available)}'
            )
        self._create = available[self.name]
        self._trackers: dict[int, Any] = {}

    def begin(self) -> None:
        self._trackers = {}

    def prompt(self, frame: Frame, object_id: int, prompt: Prompt) -> Observation:
        box = box_of_prompt(prompt)
        tracker = self._create()
        corner, size = np.floor(box[:2]).astype(int), np.ceil(box[2:] - box[:2]).astype(int)
        tracker.init(
            cv2.cvtColor(np.asarray(frame.pixels), cv2.COLOR_RGB2BGR),
            (*corner.tolist(), *size.tolist()),
        )
        self._trackers[object_id] = tracker
        return _observation(box, frame)

    def step(self, frame: Frame) -> dict[int, Observation]:
        image = cv2.cvtColor(np.asarray(frame.pixels), cv2.COLOR_RGB2BGR)
        observations = {}
        for object_id, tracker in self._trackers.items():
            found, (x, y, width, height) = tracker.update(image)
            box = np.array([x, y, x + width, y + height], np.float64) if found else None
            observations[object_id] = _observation(box, frame)
        return observations


def algorithms() -> dict[str, Callable[[], Any]]:
    """Return the constructors of the installed OpenCV's trackers, best first."""
    found = {}
    for name in _PREFERRED:
        # The first 4.x releases keep them in a module of their own.
        for module in (cv2, getattr(cv2, 'legacy', None)):
            create = getattr(module, f'Tracker{name}_create', None)
            if create is not None:
                found[name] = create
                break
    return found


def _observation(box: Box | None, frame: Frame) -> Observation:
    shape = (frame.height, frame.width)
    if box is None:
        return Observation(np.zeros(shape, np.bool_), None)
    return Observation(filled_box(box, shape), box)
