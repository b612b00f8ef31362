# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Parts of a mask that are not the object.

Small networks answer with a mask and with a few cells of something similar elsewhere. Those hardly
change the area of the mask, but they spread its box, which updates the motion model and the window
of a closer look, and the memory of the frame shows them as the object. For single images SAM 2
removes small regions in its automatic mode (``min_mask_region_area``).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box


def detached_parts(mask: NDArray[np.bool_], expected: Box) -> NDArray[np.bool_] | None:
    """
    Find the 8-connected parts of a mask that do not reach where its object is expected.

    The largest part is the object wherever it lies: an object may move faster than expected. The
    parts of an object behind a post lie where it is expected.

    :param mask: [s, s] cells of the decoded mask.
    :param expected: [4] cells, half open.
    :returns: [s, s] the cells of these parts; None: there are none.
    """
    count, labels, parts, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count <= 2:
        return None
    detached = np.ones(count, dtype=np.bool_)
    centres = np.arange(len(mask)) + 0.5
    columns = (centres > expected[0]) & (centres < expected[2])
    rows = (centres > expected[1]) & (centres < expected[3])
    detached[labels[np.ix_(rows, columns)]] = False
    background, largest = 0, 1 + int(np.argmax(parts[1:, cv2.CC_STAT_AREA]))
    detached[[background, largest]] = False
    return detached[labels] if detached.any() else None
