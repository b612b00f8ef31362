# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Events of objects (start, loss, end), from their tracks on two consecutive frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import enum

from sam_tracker.tracking.track import Track, TrackState


class Change(enum.IntEnum):
    """What happened to an object; the numbers are those of sam_tracker/msg/TrackEvent."""

    STARTED = 1
    LOST = 2
    FOUND = 3
    ENDED = 4


@dataclass(frozen=True, eq=False)
class TrackEvent:
    change: Change
    track: Track
    """On the frame of the change; with ENDED the last one."""


def events_between(before: Sequence[Track], after: Sequence[Track]) -> list[TrackEvent]:
    """
    Return what happened to objects from one frame, or one prompt, to the next.

    An object that is FORGOTTEN has ended, and is not reported again when its track is missing.

    :param before: the tracks that were last compared, at most one for each object.
    :param after: the present tracks.
    :returns: ends first, since an id may be used again; then by the order of the tracks.
    """
    known = {track.object_id: track for track in before if track.state is not TrackState.FORGOTTEN}
    present = {track.object_id for track in after}
    ended = [track for object_id, track in known.items() if object_id not in present]
    events = [TrackEvent(Change.ENDED, track) for track in ended]
    for track in after:
        earlier = known.get(track.object_id)
        was_lost = earlier is not None and earlier.state is TrackState.LOST
        if track.state is TrackState.FORGOTTEN:
            if earlier is not None:
                events.append(TrackEvent(Change.ENDED, track))
            continue
        if earlier is None:
            events.append(TrackEvent(Change.STARTED, track))
        if track.state is TrackState.LOST and not was_lost:
            events.append(TrackEvent(Change.LOST, track))
        elif track.state is TrackState.TRACKED and was_lost:
            events.append(TrackEvent(Change.FOUND, track))
    return events
