# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Selects the part of each frame for the network: all of it, or a square around the object."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]

WHOLE_SHARE = 0.35
SMALLEST_SIDE = 40.0
"""Smallest side in source pixels: less would be blurred."""


def draw_windows(
    rng: np.random.Generator, boxes: Boxes, width: int, height: int
) -> NDArray[np.int64]:
    """
    Draw the part of each frame that is shown.

    A third of the clips are shown whole. Of the others a square is shown that has 1.8 to 6 times
    the side of the object: either it stays where it is, or it follows the object as a tracker
    would, which knows where the object was a frame ago. Some windows look elsewhere for a while.

    :param boxes: [T, 4] x_min, y_min, x_max, y_max of the object; NaN where it is not seen. It is
        seen on the first frame.
    :returns: [T, 4] rectangles within the image, half open.
    """
    frames = len(boxes)
    if rng.random() < WHOLE_SHARE:
        return np.tile(np.array([0, 0, width, height]), (frames, 1))
    known = _filled(boxes)
    centres = (known[:, :2] + known[:, 2:]) / 2
    sizes = np.sqrt(np.prod(np.maximum(known[:, 2:] - known[:, :2], 1), axis=1))
    factor = np.exp(rng.uniform(np.log(1.8), np.log(6)))
    limit = min(width, height)
    if rng.random() < 0.6:
        late = np.maximum(np.arange(frames) - 1, 0)
        places = centres[late] + rng.normal(0, 0.12, (frames, 2)) * sizes[late, None]
        sides = factor * sizes[late] * np.exp(rng.normal(0, 0.04, frames))
    else:
        drift = np.cumsum(rng.normal(0, 0.02, (frames, 2)), axis=0)
        places = centres[0] + (rng.normal(0, 0.15, 2) + drift) * sizes[0]
        sides = np.full(frames, factor * sizes[0])
    places[0] = centres[0] + rng.normal(0, 0.15 * max(factor - 1.5, 0.1), 2) * sizes[0]
    if frames > 2 and rng.random() < 0.08:
        start = int(rng.integers(1, frames))
        end = int(rng.integers(start, frames)) + 1
        away = rng.uniform(0, 2 * np.pi)
        shift = 0.5 * (factor + 1.2) * sizes[0]
        places[start:end] += 1.5 * shift * np.array([np.cos(away), np.sin(away)])
    sides = np.clip(sides, min(SMALLEST_SIDE, limit), limit).astype(np.int64)
    corners = np.rint(places - sides[:, None] / 2).astype(np.int64)
    corners = np.clip(corners, 0, np.array([width, height]) - sides[:, None])
    return np.concatenate([corners, corners + sides[:, None]], axis=1)


def _filled(boxes: Boxes) -> Boxes:
    """Repeat the last known box where none is known."""
    known = boxes.copy()
    for index in range(1, len(known)):
        if np.isnan(known[index, 0]):
            known[index] = known[index - 1]
    return known
