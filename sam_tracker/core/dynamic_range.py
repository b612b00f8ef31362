# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
16-bit images as 8-bit images, by the values that they use.

Infrared and scientific cameras fill 10 or 12 of the 16 bits, or a narrow range around a large
value: scaled by 255 / 65535 their images would have a few grey levels.
"""

import numpy as np
from numpy.typing import NDArray

DARKEST, BRIGHTEST = 0.5, 99.5
"""Percentiles of the values that become black and white: hot and dead pixels do not count."""

SAMPLES = 1 << 16
"""Pixels that the percentiles are taken of, evenly spread."""

SMALLEST_SPAN = 255.0
"""Values from black to white: noise is not amplified beyond a grey level for each value."""

SHARE_OF_NEWEST = 0.1
"""Weight of the newest image, so that the brightness does not flicker."""


class DynamicRange:
    """The values of one camera that become black and white; they follow its images slowly."""

    def __init__(self, limits: tuple[float, float] | None = None) -> None:
        """
        Begin with no image, or where an earlier range of the same camera was.

        :param limits: of that range.
        """
        self._limits = limits

    @property
    def limits(self) -> tuple[float, float] | None:
        """The values that become black and white; None before the first image."""
        return self._limits

    def eight_bits(self, pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """
        Return the pixels as 8 bits; all channels share one range.

        :param pixels: [H, W] or [H, W, C].
        """
        low, high = self._limits = self._followed(_used_range(pixels))
        span = max(high - low, SMALLEST_SPAN)
        values = np.arange(1 << 16, dtype=np.float32)
        table = np.rint(np.clip((values - low) * (255 / span), 0, 255)).astype(np.uint8)
        return table[pixels]

    def _followed(self, newest: tuple[float, float]) -> tuple[float, float]:
        if self._limits is None:
            return newest
        (low, high), (new_low, new_high) = self._limits, newest
        if new_low >= high or new_high <= low:
            return newest  # nothing of it would be visible
        return (
            low + SHARE_OF_NEWEST * (new_low - low),
            high + SHARE_OF_NEWEST * (new_high - high),
        )


def _used_range(pixels: NDArray[np.uint16]) -> tuple[float, float]:
    height, width = pixels.shape[:2]
    stride = max(int(np.sqrt(height * width / SAMPLES)), 1)
    low, high = np.percentile(pixels[::stride, ::stride], [DARKEST, BRIGHTEST])
    return float(low), float(high)
