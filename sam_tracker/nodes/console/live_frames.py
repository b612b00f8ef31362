# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs images with their tracks, for viewers."""

from __future__ import annotations

from dataclasses import dataclass
import time
from typing import TYPE_CHECKING

from sam_tracker.ros.camera.header_match import HeaderMatch

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image

    from sam_tracker.msg import TrackArray

IMAGE_MEMORY = 256_000_000
"""Bytes of images that wait for their tracks."""
UNTRACKED_AFTER = 3.0
"""Seconds without tracks after which images are shown without them, as while tracking pauses."""


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """One image; its header and that of the tracks are equal."""

    image: Image | CompressedImage
    tracks: TrackArray | None
    """None: tracking is paused or has stopped."""


class LiveFrames:
    """
    Pairs images and tracks of one tracker; the tracks of another image are never drawn.

    Tracks that are published again for the last image, because a prompt has changed its objects,
    make another frame of that image.
    """

    def __init__(self) -> None:
        self._match = HeaderMatch(IMAGE_MEMORY)
        self._last: Image | CompressedImage | None = None
        self._tracked = -UNTRACKED_AFTER

    def add_image(self, image: Image | CompressedImage) -> LiveFrame | None:
        """Return the frame of the image, if its tracks are there or none are expected."""
        pair = self._match.add_image(image)
        if pair is not None:
            return self._paired(*pair)
        if time.monotonic() - self._tracked > UNTRACKED_AFTER:
            return LiveFrame(image, None)
        return None

    def add_tracks(self, tracks: TrackArray) -> LiveFrame | None:
        """Return the frame of the tracks, if their image is there."""
        if self._last is not None and self._last.header == tracks.header:
            return self._paired(self._last, tracks)
        pair = self._match.add_tracks(tracks)
        return None if pair is None else self._paired(*pair)

    def _paired(self, image: Image | CompressedImage, tracks: TrackArray) -> LiveFrame:
        # Tracks whose images never come must not keep the page from showing images.
        self._last, self._tracked = image, time.monotonic()
        return LiveFrame(image, tracks)
