# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An image as it arrived from the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image


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

    def is_after(self, other: ReceivedImage) -> bool:
        return (self.epoch, self.stamp) > (other.epoch, other.stamp)

    @property
    def bytes(self) -> int:
        return len(self.message.data)
