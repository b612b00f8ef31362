# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Angular velocities of the last seconds, and the rotation between two moments."""

from collections import deque
import threading

import numpy as np
from numpy.typing import NDArray

from sam_tracker.camera_motion.rotation import rotation_by
from sam_tracker.core.time import SECOND

LONGEST_GAP = SECOND // 20
"""Nanoseconds between two samples, or beside them, that are bridged by the nearest sample."""
MOST_SAMPLES = 4000
"""Samples that are kept: four seconds at 1000 Hz."""


class Gyroscope:
    """
    Keeps a bounded number of samples; any thread may add and read.

    Samples are in the order of their stamps. A stamp that goes back is that of a clock that
    started anew: all samples before it are forgotten.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=MOST_SAMPLES)
        self._lock = threading.Lock()

    def add(self, stamp: int, rates: NDArray[np.float64]) -> None:
        """
        Keep a sample.

        :param stamp: nanoseconds.
        :param rates: [3] radians per second about the sensor's axes, by the right-hand rule;
            ignored if a number is not finite.
        """
        if not np.isfinite(rates).all():
            return
        with self._lock:
            if self._samples and stamp < self._samples[-1][0]:
                self._samples.clear()
            self._samples.append((stamp, rates))

    def rotation(self, start: int, end: int) -> NDArray[np.float64] | None:
        """
        Return the rotation from directions in the sensor's frame at one stamp to those at another.

        It is the inverse of the sensor's own turn, integrated with each sample holding half-way to
        its neighbours.

        :param start: nanoseconds.
        :param end: nanoseconds, not before ``start``.
        :returns: [3, 3]; None where samples are missing.
        """
        with self._lock:
            samples = [
                each
                for each in self._samples
                if start - LONGEST_GAP <= each[0] <= end + LONGEST_GAP
            ]
        if not samples or end < start:
            return None
        stamps = np.array([stamp for stamp, _ in samples])
        gaps = np.diff(np.clip([start, *stamps, end], start, end))
        if gaps.max() > LONGEST_GAP or stamps[-1] < end - LONGEST_GAP:
            return None
        borders = np.clip((stamps[1:] + stamps[:-1]) // 2, start, end)
        borders = np.concatenate(([start], borders, [end]))
        turn = np.eye(3)
        for (_, rates), nanoseconds in zip(samples, np.diff(borders), strict=True):
            if nanoseconds:
                turn = turn @ rotation_by(rates * (int(nanoseconds) / SECOND))
        return turn.T
