# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tracked objects on the images of the last seconds: detections come late."""

from __future__ import annotations

from bisect import bisect_left

from sam_tracker.association.tracked_objects import TrackedObjects

MOST_IMAGES = 1024
"""Bound of the memory, whatever rate images have."""


class TrackHistory:
    """Tracked objects by ascending stamp."""

    def __init__(self, span: int) -> None:
        """:param span: nanoseconds from the oldest image that is kept to the newest."""
        self.span = span
        self._images: list[TrackedObjects] = []

    def add(self, objects: TrackedObjects) -> None:
        """Add an image; one with the stamp of the newest, or an older one, takes their place."""
        images = self._images
        while images and images[-1].stamp >= objects.stamp:
            images.pop()
        images.append(objects)
        oldest = bisect_left(images, objects.stamp - self.span, key=lambda each: each.stamp)
        del images[: max(oldest, len(images) - MOST_IMAGES)]

    def clear(self) -> None:
        self._images.clear()

    @property
    def newest_stamp(self) -> int | None:
        return self._images[-1].stamp if self._images else None

    def nearest(self, stamp: int) -> TrackedObjects | None:
        """Return the objects on the image with the nearest stamp; None: there is no image."""
        place = bisect_left(self._images, stamp, key=lambda each: each.stamp)
        around = self._images[max(place - 1, 0) : place + 1]
        return min(around, key=lambda each: abs(each.stamp - stamp), default=None)
