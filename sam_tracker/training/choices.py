# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How the objects of a batch are prompted and corrected, which is drawn anew for every batch."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

PromptKind = Literal['box', 'mask', 'point']


@dataclass(frozen=True)
class Choices:
    """Prompts on the first frame, and on a later one."""

    prompt: PromptKind = 'box'
    box_jitter: float = 0.0
    several_on_prompt: bool = False
    """Ask for three candidates on the first frame, as one click does."""
    corrections: int = 0
    """Further clicks on the first frame, each where the answer was wrong."""
    newest_click_alone: bool = False
    """
    Pass only the newest click with the mask so far, as a tracker does when refined; else all
    points so far.
    """
    corrected_frame: int | None = None
    """A later frame on which the objects are prompted again; None: there is none."""
    later_prompt: PromptKind = 'point'
    """Kind of that prompt: clicks where the answer is wrong, or the object's box."""
    later_clicks: int = 1
    mask_forgotten: bool = False
    """The later prompt is passed without the mask that it corrects, as after a loss."""
    teacher: float = 0.0
    """Share of objects whose presence and choice of candidate the truth decides."""
    elapsed: int = 0
    """Frames added to the age of the prompt."""


def draw_choices(rng: np.random.Generator, clicks: bool, frames: int) -> Choices:
    """Draw how the objects of a batch are prompted, with or without clicks."""
    if not clicks:
        return Choices(prompt='box' if rng.random() < 0.5 else 'mask')
    kinds: tuple[PromptKind, ...] = ('box', 'box', 'box', 'mask', 'point')
    prompt = kinds[rng.integers(len(kinds))]
    corrected = frames > 2 and rng.random() < 0.3
    return Choices(
        prompt=prompt,
        box_jitter=float(rng.choice([0.0, 0.03, 0.1])),
        several_on_prompt=rng.random() < 0.25,
        corrections=int(rng.integers(1, 3)) if rng.random() < (0.35 if frames > 2 else 0.6) else 0,
        newest_click_alone=rng.random() < 0.6,
        corrected_frame=int(rng.integers(1, frames - 1)) if corrected else None,
        later_prompt='box' if rng.random() < 0.2 else 'point',
        later_clicks=int(rng.integers(1, 3)),
        mask_forgotten=rng.random() < 0.2,
        elapsed=int(rng.integers(0, 200)) if rng.random() < 0.4 else 0,
    )
