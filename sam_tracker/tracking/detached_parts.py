# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Parts of a mask that are not the object.

Small networks answer with a mask and a few cells of something similar elsewhere. These hardly
change the mask's area but spread its box, from which the motion model and the window of a closer
look are updated, and the memory of the frame marks them as the object.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box

LEAST_INSIDE = 0.5
"""Share of a part's cells that must lie where the object is expected."""


def detached_parts(mask: NDArray[np.bool_], expected: Box) -> NDArray[np.bool_] | None:
    """
    Find the 8-connected parts of a mask that lie apart from where its object is expected.

    The largest part is the object wherever it lies: an object may move faster than expected. An
    object that is seen in several parts, as behind a post, has them within its expected box.

    :param mask: [s, s] cells of the decoded mask.
    :param expected: [4] cells, half open.
    :returns: [s, s] the cells of these parts; None: there are none.
    """
    count, labels, parts, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=8
    )
    if count <= 2:
        return None
    sizes = parts[:, cv2.CC_STAT_AREA]
    centres = np.arange(len(mask)) + 0.5
    columns = (centres > expected[0]) & (centres < expected[2])
    rows = (centres > expected[1]) & (centres < expected[3])
    inside = np.bincount(labels[np.ix_(rows, columns)].ravel(), minlength=count)
    detached = inside < LEAST_INSIDE * sizes
    detached[[0, 1 + int(np.argmax(sizes[1:]))]] = False
    return detached[labels] if detached.any() else None
