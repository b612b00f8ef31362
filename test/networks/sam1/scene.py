# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What SAM is shown, here and where the reference runs; NumPy alone.

Answers of the reference are in ``test/data/sam1/reference.npz``; ``record.py`` makes them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE = 256
"""Side of the input of the networks compared, a quarter of the published one."""
WIDTH, HEIGHT = 375, 200
"""An image that has to be shrunk, and padded below."""


@dataclass(frozen=True)
class Question:
    """A prompt in pixels of the image, pixel centres at whole numbers as SAM counts them."""

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: bool = False
    """Whether mask logits are given as well."""


QUESTIONS = {
    'click': Question(((100.0, 70.0),), (1,)),
    'clicks': Question(((100.0, 70.0), (300.0, 150.0), (20.0, 190.0)), (1, 0, 1)),
    'box': Question(box=(50.0, 30.0, 200.0, 150.0)),
    'box and click': Question(((100.0, 70.0),), (0,), (50.0, 30.0, 200.0, 150.0)),
    'mask': Question(mask=True),
    'mask and click': Question(((100.0, 70.0),), (1,), mask=True),
    'mask and box': Question(box=(50.0, 30.0, 200.0, 150.0), mask=True),
}


def noise(*shape: int, seed: int) -> NDArray[np.float32]:
    """Return standard normal noise, the same with every version of NumPy."""
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def image() -> NDArray[np.uint8]:
    """Return an image [200, 375, 3] of coarse coloured noise under fine grey noise."""
    coarse = noise(HEIGHT // 25, WIDTH // 25, 3, seed=7).repeat(25, axis=0).repeat(25, axis=1)
    grey = noise(HEIGHT, WIDTH, 1, seed=8)
    return np.clip(128 + 50 * coarse + 10 * grey, 0, 255).astype(np.uint8)


def image_of_the_input_size() -> NDArray[np.uint8]:
    """Return an image [160, 256, 3] that need not be resized, so that masks are equal exactly."""
    coarse = noise(8, 8, 3, seed=10).repeat(20, axis=0).repeat(32, axis=1)
    return np.clip(128 + 60 * coarse, 0, 255).astype(np.uint8)


GENERATOR = {
    'points_per_side': 6,
    'predicted_iou': 0.4,
    'stability_score': 0.05,
    'box_overlap': 1.0,
}
"""
Settings of everything mode; the other ones are those of Meta's generator.

Masks of random weights are spread over all the image, and nearly all would be duplicates.
"""


def mask_logits() -> NDArray[np.float32]:
    """Return mask logits [64, 64] to start from."""
    return 5 * noise(16, 16, seed=9).repeat(4, axis=0).repeat(4, axis=1)
