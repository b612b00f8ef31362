# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of tracks to messages, to a label image, and to tracks to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.time import SECOND
from sam_tracker.msg import Track as TrackMessage
from sam_tracker.msg import TrackArray
from sam_tracker.msg import TrackEvent as TrackEventMessage
from sam_tracker.rendering import DrawnTrack, State
from sam_tracker.ros.messages.masks import mask_message
from sam_tracker.ros.messages.shapes import box_message
from sam_tracker.ros.messages.stamps import duration_message

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from sam_tracker.core.boxes import Box
    from sam_tracker.core.run_length import MaskEncoding
    from sam_tracker.tracking.events import TrackEvent
    from sam_tracker.tracking.track import Track


def track_array(
    header: Header,
    width: int,
    height: int,
    tracks: Sequence[Track],
    *,
    masks: MaskEncoding | None = 'bytes',
) -> TrackArray:
    """
    Convert the tracks of one image to a message; the publisher sets ``processing_latency``.

    :param header: of the image.
    :param width: of the image, in pixels.
    :param height: of the image, in pixels.
    :param masks: how to encode the masks; None: leave them out.
    """
    return TrackArray(
        header=header,
        image_width=width,
        image_height=height,
        tracks=[
            track_message(track, masks)
            for track in sorted(tracks, key=lambda each: each.object_id)
        ],
    )


def track_message(track: Track, mask: MaskEncoding | None = 'bytes') -> TrackMessage:
    """Convert one track; ``mask`` as ``masks`` of ``track_array``."""
    message = TrackMessage(
        object_id=track.object_id,
        label=track.label,
        state=int(track.state),
        time_since_seen=duration_message(track.time_since_seen),
        box=box_message(track.box),
        predicted_box=box_message(track.predicted_box),
        confidence=track.confidence,
        mask_affinity_score=track.mask_affinity_score,
        object_score=track.object_score,
        motion_score=track.motion_score,
        duplicate_of=track.duplicate_of,
    )
    message.velocity.x, message.velocity.y = track.velocity
    if mask is not None:
        message.mask = mask_message(track.region, track.mask_crop, mask)
    return message


def event_message(header: Header, event: TrackEvent) -> TrackEventMessage:
    """
    Convert an event to a message.

    :param header: of the image on which it happened.
    """
    track = track_message(event.track, mask=None)
    return TrackEventMessage(header=header, event=int(event.change), track=track)


def label_image(tracks: Sequence[Track], width: int, height: int) -> NDArray[np.uint16]:
    """Return [height, width], the id of the object at each pixel, 0 for none."""
    labels = np.zeros((height, width), dtype=np.uint16)
    for track in tracks:
        if track.region is not None:
            np.copyto(labels[track.region.slices], track.object_id, where=track.mask_crop != 0)
    return labels


def drawn_track(track: Track) -> DrawnTrack:
    region = track.region
    return DrawnTrack(
        object_id=track.object_id,
        label=track.label,
        state=STATE_NAMES[int(track.state)],
        confidence=track.confidence,
        box=_corners(track.box),
        predicted_box=_corners(track.predicted_box),
        mask=None if region is None else track.mask_crop,
        mask_origin=(0, 0) if region is None else (region.x, region.y),
        seconds_since_seen=track.time_since_seen / SECOND,
        duplicate_of=track.duplicate_of,
    )


STATE_NAMES: dict[int, State] = {
    TrackMessage.STATE_TRACKED: 'tracked',
    TrackMessage.STATE_OCCLUDED: 'occluded',
    TrackMessage.STATE_LOST: 'lost',
    TrackMessage.STATE_FORGOTTEN: 'forgotten',
}


def _corners(box: Box | None) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    x_min, y_min, x_max, y_max = box.tolist()
    return x_min, y_min, x_max, y_max
