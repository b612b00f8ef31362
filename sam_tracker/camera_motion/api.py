# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of a source of camera motion between two frames."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Box
from sam_tracker.core.frame import Frame


class CameraMotionSource(Protocol):
    """Measures how the camera moved; for ``Frame.camera_motion``."""

    def between(
        self, previous: Frame, frame: Frame, objects: Sequence[Box]
    ) -> NDArray[np.float64] | None:
        """
        Return the camera's motion from one frame to a later one.

        :param objects: boxes [4] of tracked objects on the previous frame, in its pixels: what is
            in them may move by itself.
        :returns: homography [3, 3] from pixels of the previous frame to those of the other, pixel
            centres at +0.5; None where it is not known well enough to be used.
        """

    def close(self) -> None:
        """Free what the source holds; it is not used any more."""
