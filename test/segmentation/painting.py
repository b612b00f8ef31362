# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the network of these tests answers a point with; also where references are recorded."""

import numpy as np
import torch

SIZE = 128


def painted(x, y):
    """Return logits [3, s, s] and predicted IoU [3] for a point in network pixels."""
    # float32 made of the same point in another batch or crop may differ in its last digits.
    seed = round(x * 16) * 100_003 + round(y * 16) + 2_000_000_000
    rng = np.random.default_rng(seed)
    side = SIZE // 4
    rows, columns = np.mgrid[:side, :side]
    distance = np.hypot(columns - x / 4, rows - y / 4)
    blobs = []
    for _ in range(3):
        radius, steepness = rng.uniform(1.5, 12), rng.uniform(0.3, 4)
        blob = steepness * (radius - distance)
        dots = rng.random((side, side)) < 0.01
        blob = np.where(dots, -np.sign(blob) * rng.uniform(1, 6), blob)
        blobs.append(blob if rng.random() < 0.95 else np.full_like(blob, -3.0))
    return (
        torch.from_numpy(np.stack(blobs)).float(),
        torch.from_numpy(rng.random(3)).float(),
    )
