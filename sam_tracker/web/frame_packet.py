# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
One image with its tracks as one message to a page: they cannot be drawn on another image.

The layout, which ``static/packet.js`` reads: the length of the header in bytes (uint32), the
header (JSON, padded with spaces to a multiple of 4 bytes), the runs of all masks (uint32 each, see
``mask_runs.row_runs``), and the picture (JPEG). Integers are little endian.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

from sam_tracker.core.time import SECOND
from sam_tracker.rendering import object_colour
from sam_tracker.web.mask_runs import row_runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sam_tracker.recording.frame import RecordedFrame, RecordedTrack


def frame_packet(
    frame: RecordedFrame, jpeg: bytes, *, tracker: str = '', tracked: bool = True
) -> bytes:
    """
    Return the message.

    :param frame: the tracks, in pixels of the image.
    :param jpeg: the image, perhaps scaled down: a page stretches it to the size of the image.
    :param tracker: name of the tracker, by which a page drops frames of one it left.
    :param tracked: whether the tracks of the image are known; false: there are none to draw.
    """
    # Seconds and nanoseconds apart: JavaScript's numbers are too short for both.
    header: dict[str, Any] = {
        'tracker': tracker,
        'stamp': list(divmod(frame.stamp, SECOND)),
        'frame_id': frame.frame_id,
        'width': frame.width,
        'height': frame.height,
        'latency': round(frame.processing_latency, 4),
        'tracked': tracked,
    }
    runs = [row_runs(track.mask) for track in frame.tracks if track.mask is not None]
    counts = iter(runs)
    header['tracks'] = [
        _track(track, None if track.mask is None else len(next(counts))) for track in frame.tracks
    ]
    text = json.dumps(header, separators=(',', ':'), allow_nan=False).encode()
    text += b' ' * (-len(text) % 4)
    return b''.join((struct.pack('<I', len(text)), text, *(_bytes(each) for each in runs), jpeg))


def css_colour(object_id: int) -> str:
    """Return the colour of an object, the same as in videos and overlays, for a style sheet."""
    blue, green, red = object_colour(object_id)
    return f'#{red:02x}{green:02x}{blue:02x}'


def _track(track: RecordedTrack, runs: int | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        'id': track.object_id,
        'label': track.label,
        'state': track.state,
        'colour': css_colour(track.object_id),
        'confidence': _number(track.confidence),
        'box': track.box,
        'predicted_box': track.predicted_box,
        'unseen': round(track.seconds_since_seen, 2),
        'duplicate_of': track.duplicate_of,
        'affinity': _number(track.mask_affinity_score),
        'object': _number(track.object_score),
        'motion': _number(track.motion_score),
    }
    if track.mask is not None:
        x, y = track.mask_origin
        height, width = track.mask.shape
        values['mask'] = {'x': x, 'y': y, 'width': width, 'height': height, 'runs': runs}
    return values


def _number(value: float) -> float | None:
    """Return a number that JSON can hold; None for NaN."""
    return None if math.isnan(value) else round(float(value), 4)


def _bytes(runs: NDArray[np.uint32]) -> bytes:
    return runs.astype('<u4', copy=False).tobytes()
