# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The rotation that geometry_msgs/Quaternion describes."""

import numpy as np
from numpy.typing import NDArray


def rotation_of_quaternion(x: float, y: float, z: float, w: float) -> NDArray[np.float64]:
    """Return the rotation [3, 3] of a quaternion: of any length, but not all zero."""
    x, y, z, w = np.array((x, y, z, w)) / np.linalg.norm((x, y, z, w))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
