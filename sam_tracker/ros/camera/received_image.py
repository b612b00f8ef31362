# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An image as it arrived from the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam_tracker.ros.images.conversion import rgb_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.core.dynamic_range import DynamicRange


@dataclass(frozen=True, eq=False)
class ReceivedImage:
    """An image message and its place in the sequence of images."""

    message: Image | CompressedImage
    stamp: int
    """Nanoseconds: the header's stamp, or the time of arrival where the header has none."""
    arrival: int
    """Nanoseconds of the monotonic clock."""
    epoch: int = 0
    """How often the stamps had jumped back before; stamps compare only within one epoch."""
    dynamic_range: DynamicRange | None = None
    """Of the camera, for 16-bit images; None: the full range."""

    def rgb(self) -> NDArray[np.uint8]:
        """
        Decode the image, [H, W, 3] RGB; may be a view of the message.

        :raises ImageError: it cannot be read.
        """
        return rgb_image(self.message, self.dynamic_range)

    def is_after(self, other: ReceivedImage) -> bool:
        return (self.epoch, self.stamp) > (other.epoch, other.stamp)

    @property
    def bytes(self) -> int:
        return len(self.message.data)
