# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A mask that a person drew, carried to the frames beside it by dense optical flow.

What a network gets wrong on a frame it usually gets wrong on the next one too, although it
remembers the mask that was drawn. Over a few frames flow follows the outline better; after some
more it drifts. So both are mixed, by the distance from the frame of the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region
from sam_tracker.core.frame import Pixels
from sam_tracker.core.run_length import run_lengths
from sam_tracker.labelling.labelled_track import LabelledTrack
from sam_tracker.tracking.track import TrackState

REACH = 6
"""Frames to each side of a prompted one to which its mask is carried."""
_MARGIN = 2.0
"""Sides of the object that are seen around it: where it may move to within them."""
_SIDE = 256
"""
S, pixels of each side of what is seen, whatever its shape: this bounds the time, shows small
objects large, and OpenCV's flow crashes on narrow images.
"""


@dataclass(frozen=True, eq=False)
class CarriedMask:
    """The mask of one object on one frame, as flow carried it there: an immutable value."""

    image_size: tuple[int, int]
    """Width and height of the frame."""
    region: Region
    """The part of it that is seen; the same on all frames."""
    image: NDArray[np.uint8]
    """[S, S] grey, the part of the frame that is seen."""
    mask: NDArray[np.float32]
    """[S, S] 0 to 1, above 0.5 on the object."""
    steps: int = 0
    """Frames since the prompted one."""

    @classmethod
    def of(cls, pixels: Pixels, mask: NDArray[np.bool_]) -> CarriedMask | None:
        """
        Return the mask of an object on a prompted frame.

        :param pixels: RGB [H, W, 3].
        :param mask: [H, W].
        :returns: None: it is empty.
        """
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        if not width:
            return None
        margin = round(_MARGIN * max(width, height))
        left, top = max(x - margin, 0), max(y - margin, 0)
        right = min(x + width + margin, mask.shape[1])
        bottom = min(y + height + margin, mask.shape[0])
        region = Region(left, top, right - left, bottom - top)
        size, pixels = (mask.shape[1], mask.shape[0]), np.asarray(pixels)
        seen = cv2.resize(mask[region.slices].astype(np.float32), (_SIDE, _SIDE))
        return cls(size, region, _grey(pixels, region), np.asarray(seen, np.float32))

    def moved(self, pixels: NDArray[np.uint8]) -> CarriedMask | None:
        """
        Return the mask on the next frame.

        :param pixels: RGB [H, W, 3].
        :returns: None: it is too far from the prompted frame, empty, or the image size changed.
        """
        if self.steps >= REACH or pixels.shape[1::-1] != self.image_size:
            return None
        image = _grey(pixels, self.region)
        method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # For each pixel of the next frame, where it was: [S, S, 2], x and y.
        flow = method.calc(image, self.image, np.zeros((_SIDE, _SIDE, 2), np.float32))
        rows, columns = np.indices((_SIDE, _SIDE), np.float32)
        mask = np.asarray(
            cv2.remap(self.mask, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR),
            np.float32,
        )
        if mask.max() <= 0.5:
            return None
        return replace(self, image=image, mask=mask, steps=self.steps + 1)

    def mixed(self, track: LabelledTrack) -> LabelledTrack:
        """
        Return a label for this frame, mixed from this mask and what the network found.

        Of two masks the mean outline is taken: where the weighted mean of the distances from both
        is zero. If the network does not see the object, the nearer half of the frames keeps it.

        :param track: found by the network on this frame.
        """
        weight = 1 - self.steps / (REACH + 1)
        if not track.visible and weight < 0.5:
            return track
        mask, region = np.ascontiguousarray(track.mask), self.region
        carried = cv2.resize(self.mask, (region.width, region.height)) > 0.5
        found = mask[region.slices]
        if found.any() and carried.any():
            carried = weight * _depth(carried) + (1 - weight) * _depth(found) > 0
        elif track.visible:
            return track
        mask[region.slices] = carried
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        if not width:
            return track
        crop = mask[y : y + height, x : x + width].view(np.uint8)
        return replace(
            track,
            state=TrackState.TRACKED,
            confidence=track.confidence if track.visible else round(weight, 6),
            box=(float(x), float(y), float(x + width), float(y + height)),
            counts=run_lengths(crop, (x, y), *self.image_size)['counts'],
        )


def _grey(pixels: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    """Return a part of an RGB image [H, W, 3] in grey, [S, S]."""
    part = np.ascontiguousarray(pixels[region.slices])
    shrinks = max(region.width, region.height) > _SIDE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    seen = cv2.resize(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=method)
    return np.asarray(seen, np.uint8)


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance [H, W] of each pixel from the outline; negative outside the mask."""
    inside = mask.astype(np.uint8)
    return np.asarray(
        cv2.distanceTransform(inside, cv2.DIST_L2, 5)
        - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5),
        np.float32,
    )
