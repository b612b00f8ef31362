# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Baseline: the box of the prompt, which never moves."""

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.evaluation.followers.follower import Observation, box_of_prompt, filled_box


class StaticBox:
    """Returns the box of the prompt on every frame."""

    def __init__(self) -> None:
        self.name = 'static box'
        self._observations: dict[int, Observation] = {}

    def begin(self) -> None:
        self._observations = {}

    def prompt(self, frame: Frame, object_id: int, prompt: Prompt) -> Observation:
        box = box_of_prompt(prompt)
        observation = Observation(filled_box(box, (frame.height, frame.width)), box)
        self._observations[object_id] = observation
        return observation

    def step(self, _frame: Frame) -> dict[int, Observation]:
        return self._observations
