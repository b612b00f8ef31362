# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of one object on one frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sam_tracker.core.boxes import Box, Region, whole_mask
from sam_tracker.networks.mask_images import MaskImages
from sam_tracker.tracking.decoded_mask import DecodedMask


class TrackState(enum.IntEnum):
    """
    Whether an object is seen; the numbers are those of sam_tracker/msg/Track.

    An object is seen on a frame when the network predicts that it is present (its object logit is
    above ``TrackerSettings.presence_logit``), its mask has a pixel and looks like the object
    (``TrackerSettings.familiarity``), and the mask is its own, not that of another object. The
    verification of a doubtful mask (``Tracker.verify``) takes effect one frame later. There are no
    other rules and no delay:

    - seen: TRACKED, whatever the state was before;
    - not seen, and last seen at most ``lost_after`` ago: OCCLUDED. The motion model goes on
      without measurements, and ``predicted_box`` says where the object should be;
    - not seen for longer: LOST. The motion is forgotten; the memory is not, and the object is
      searched in the whole image on every frame;
    - LOST, and searched without success for ``forget_after``: FORGOTTEN. This is its last track.
    """

    TRACKED = 1
    OCCLUDED = 2
    LOST = 3
    FORGOTTEN = 4


@dataclass(frozen=True, eq=False)
class Track:
    """
    What is known of one object on one frame.

    Coordinates are pixels of the source image, origin in its top left corner, pixel centres at
    +0.5, boxes half open [x_min, y_min, x_max, y_max]. Mask and box are computed when first read.
    """

    object_id: int
    """1 to 65535."""
    label: str
    """What the prompt called the object; may be empty."""
    stamp: int
    """Time of the frame, in nanoseconds."""
    image_size: tuple[int, int]
    """Width and height of the frame."""
    state: TrackState
    time_since_seen: int
    """Nanoseconds from the last frame on which the object was seen; 0 when it is TRACKED."""
    mask_affinity_score: float
    """s_mask, the IoU with the object that the network predicts for the mask, 0 to 1."""
    object_score: float
    """s_obj, logit of the object being in the image."""
    motion_score: float
    """s_kf, IoU of the mask's box with the predicted one; NaN while the motion is not trusted."""
    confidence: float
    """
    How reliable the track is, 0 to 1; 0 when the object is not seen.

    The probability of the object being there, times the weighted mean of s_kf and s_mask by
    which SAMURAI chooses masks (s_mask alone while there is no s_kf).
    """
    predicted_box: Box | None
    """[4] where the motion model expected the object; None without one."""
    velocity: tuple[float, float]
    """Velocity x, y of the box's centre, in pixels per second; zero without a motion model."""
    duplicate_of: int
    """Id of the better supported object whose mask this track has switched to; or 0."""
    mahalanobis_distance: float
    """Standard deviations between the last box and its prediction; 0 without a motion model."""
    network_box: Box | None
    """[4] box of the mask as the network sees it, to a network pixel; None when not seen."""
    images: MaskImages
    """The masks of all objects of the frame."""
    index: int
    """Which of them is this object's."""

    @property
    def logits(self) -> Tensor:
        """[s, s] mask logits at the network's resolution, on its device."""
        return self.images.logits[self.index]

    @property
    def decoded_mask(self) -> DecodedMask:
        """The mask as the network decoded it."""
        return DecodedMask(self.logits, self.images.scales[self.index])

    @property
    def region(self) -> Region | None:
        """The smallest rectangle of whole pixels that holds the mask; None when it is empty."""
        return self.images.crop(self.index)[0]

    @property
    def mask_crop(self) -> NDArray[np.uint8]:
        """[region.height, region.width] 255 on the object and 0 beside it; may be empty."""
        return self.images.crop(self.index)[1]

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """[H, W] true on the object."""
        return whole_mask(self.region, self.mask_crop, *self.image_size)

    @property
    def box(self) -> Box | None:
        """[4] box of the mask, or of the network's mask where no image pixel falls into it."""
        region = self.region
        return self.network_box if region is None else region.box


def seen_boxes(tracks: Iterable[Track]) -> list[Box]:
    """Return the boxes [4] of the objects that are seen, without computing a mask."""
    return [track.network_box for track in tracks if track.network_box is not None]
