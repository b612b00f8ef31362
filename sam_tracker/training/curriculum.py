# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Schedule of a run, as functions of its progress from 0 to 1."""

from dataclasses import dataclass
import math

import numpy as np


@dataclass(frozen=True)
class Curriculum:
    """
    The schedule of one run.

    It begins with single frames and pairs of easy clips, in which the network learns to read its
    memory at all, and ends with clips of many frames of every difficulty.
    """

    learning_rate: float = 1e-3
    final_learning_rate: float = 2e-5
    warm_up_steps: int = 60
    longest: int = 16
    """Frames of a clip at most: a step takes memory for all of them."""
    fresh: bool = True
    """Start with the easy stages; False for fine-tuning weights that already track."""

    def rate(self, progress: float, step: int) -> float:
        """Return the learning rate: a linear warm-up, then half a cosine."""
        low = self.final_learning_rate
        cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        warm = min(1.0, (step + 1) / self.warm_up_steps)
        return warm * (low + (self.learning_rate - low) * cosine)

    def practice(self, progress: float) -> float:
        """Return the difficulty reached, from 0 to 1."""
        return min(1.0, progress / 0.6) if self.fresh else 1.0

    def clip_length(self, rng: np.random.Generator, progress: float) -> int:
        """Draw the number of frames of a batch's clips."""
        practice = self.practice(progress)
        choices: tuple[int, ...]
        if practice < 0.1:
            choices = (1, 2, 2)
        elif practice < 0.3:
            choices = (2, 3, 4)
        elif practice < 0.8:
            choices = (2, 3, 4, 5, 6)
        else:
            # Prompts are practised on one frame of each clip only, so some clips are short.
            choices = (1, 2, 4, 8, 12, 16, 24)
        fitting = [frames for frames in choices if frames <= self.longest]
        return int(rng.choice(fitting or [self.longest]))

    def clips(self, four_frames: int, frames: int) -> int:
        """
        Return how many clips of so many frames are a batch.

        Many short ones or few long ones: every step costs alike, and what is learned on single
        images is learned on many images.

        :param four_frames: clips of four frames in a batch.
        """
        return max(1, round(4 * four_frames / frames))

    def difficulty(self, rng: np.random.Generator, progress: float) -> float:
        """Draw the difficulty of a clip."""
        return float(rng.uniform(0, 0.12 + 0.68 * self.practice(progress)))

    def teacher(self, progress: float) -> float:
        """Return the share of objects whose presence and mask choice the truth decides."""
        return max(0.3, 1 - 1.2 * self.practice(progress)) if self.fresh else 0.2

    def balance(self, progress: float) -> float:
        """Return how far object and background weigh alike in the loss, whatever their size."""
        return max(0.0, 1 - self.practice(progress) / 0.3)

    def clicks(self, progress: float) -> bool:
        """Return whether clicks are trained already; masks and boxes are easier to learn."""
        return self.practice(progress) >= 0.1
