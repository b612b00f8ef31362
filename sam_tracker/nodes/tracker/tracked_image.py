# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""An image of the camera and the tracks on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sam_tracker.core.frame import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sam_tracker.ros.camera.received_image import ReceivedImage
    from sam_tracker.tracking.track import Track


@dataclass(frozen=True, eq=False)
class TrackedImage:
    """The tracks on one image; the image is decoded at its first use."""

    image: ReceivedImage
    tracks: tuple[Track, ...] = ()
    """By ascending id."""
    tracking_time: int = 0
    """Nanoseconds that the tracker worked on it."""

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """
        The image, [H, W, 3] RGB; may be a view of the message.

        :raises ImageError: it cannot be read.
        """
        return self.image.rgb()

    @property
    def frame(self) -> Frame:
        """
        The image as the tracker's input.

        :raises ImageError: it cannot be read.
        """
        return Frame(self.pixels, self.image.stamp)

    def with_tracks(self, tracks: list[Track], tracking_time: int = 0) -> TrackedImage:
        """
        Return the same image, decoded once for both, with other tracks.

        :param tracking_time: nanoseconds that are added to those spent so far.
        """
        other = TrackedImage(self.image, tuple(tracks), self.tracking_time + tracking_time)
        if 'pixels' in self.__dict__:
            other.__dict__['pixels'] = self.pixels
        return other
