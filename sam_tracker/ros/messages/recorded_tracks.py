# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of track messages to the tracks that are drawn and recorded."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.prompt import PromptError, checked_label
from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordedFrame, RecordedTrack
from sam_tracker.ros.messages.masks import MaskError, mask_pixels
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.ros.messages.track_messages import STATE_NAMES

if TYPE_CHECKING:
    from sam_tracker.msg import ImageBox, Track, TrackArray
    from sam_tracker.rendering import Box


class TrackMessageError(ValueError):
    """A track message that contradicts itself; the text names the value."""


def recorded_frame(message: 'TrackArray') -> RecordedFrame:
    """
    Convert all tracks of a message; masks of bytes are views of its memory.

    :raises TrackMessageError: a mask does not fit its region, a region is not inside the image, or
        a number is not finite.
    """
    for track in message.tracks:
        region = track.mask.region
        right, bottom = region.x_offset + region.width, region.y_offset + region.height
        if right > message.image_width or bottom > message.image_height:
            raise TrackMessageError(
                f'the mask of object {track.object_id}, {region.width}x{region.height} pixels at '
                f'({region.x_offset}, {region.y_offset}), leaves the image of '
                f'{message.image_width}x{message.image_height}'
            )
    return RecordedFrame(
        stamp=nanoseconds(message.header.stamp),
        frame_id=message.header.frame_id,
        width=message.image_width,
        height=message.image_height,
        tracks=[recorded_track(track) for track in message.tracks],
        processing_latency=nanoseconds(message.processing_latency) / SECOND,
    )


def recorded_track(message: 'Track') -> RecordedTrack:
    """
    Convert one track; a mask of bytes is a view of the message's memory.

    :raises TrackMessageError: the mask does not fit its region, the label is longer than a tracker
        accepts, or a number is not finite, except that ``motion_score`` may be NaN.
    """
    region = message.mask.region
    try:
        mask = mask_pixels(message.mask, f'the mask of object {message.object_id}')
        label = checked_label(message.label)
    except (MaskError, PromptError) as error:
        raise TrackMessageError(str(error)) from None
    track = RecordedTrack(
        object_id=message.object_id,
        label=label,
        state=STATE_NAMES.get(message.state, 'unknown'),
        confidence=message.confidence,
        box=_box(message.box),
        predicted_box=_box(message.predicted_box),
        mask=mask,
        mask_origin=(region.x_offset, region.y_offset),
        seconds_since_seen=nanoseconds(message.time_since_seen) / SECOND,
        duplicate_of=message.duplicate_of,
        mask_affinity_score=message.mask_affinity_score,
        object_score=message.object_score,
        motion_score=message.motion_score,
        velocity=(message.velocity.x, message.velocity.y),
    )
    _check_finite(track)
    return track


def check_size(frame: RecordedFrame, picture: NDArray[np.uint8]) -> None:
    """
    Check that tracks belong to an image of the size of ``picture``, [height, width, 3].

    :raises TrackMessageError: the sizes differ.
    """
    height, width = picture.shape[:2]
    if (frame.width, frame.height) != (width, height):
        raise TrackMessageError(
            f'the tracks are for an image of {frame.width}x{frame.height}, but the image with '
            f'that stamp has {width}x{height}'
        )


def _box(message: 'ImageBox') -> 'Box | None':
    box = (message.x_min, message.y_min, message.x_max, message.y_max)
    return box if any(box) else None


def _check_finite(track: RecordedTrack) -> None:
    numbers = {
        'box': track.box or (),
        'predicted_box': track.predicted_box or (),
        'velocity': track.velocity,
        'confidence': (track.confidence,),
        'mask_affinity_score': (track.mask_affinity_score,),
        'object_score': (track.object_score,),
        'motion_score': () if math.isnan(track.motion_score) else (track.motion_score,),
    }
    for name, values in numbers.items():
        if not all(map(math.isfinite, values)):
            raise TrackMessageError(f'{name} of object {track.object_id} is not finite: {values}')
