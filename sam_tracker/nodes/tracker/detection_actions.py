# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts and removals that follow from detections, on the tracker's thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sam_tracker.association.outcome import Action, Effect
from sam_tracker.msg import Prompt
from sam_tracker.ros.messages.shapes import box_message
from sam_tracker.ros.process.service_answers import REFUSALS
from sam_tracker.tracking.track import TrackState

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from sam_tracker.nodes.tracker.detections_report import DetectionsReport
    from sam_tracker.nodes.tracker.tracking_session import TrackingSession
    from sam_tracker.ros.process.managed_node import ManagedNode

_DONE = {
    Effect.NEW: 'new',
    Effect.FOUND_AGAIN: 'prompted again',
    Effect.CORRECTED: 'corrected',
    Effect.EXPIRED: 'forgotten: nobody has seen it any more',
}


@dataclass(frozen=True)
class DetectionActions:
    """Has the tracker do what follows from detections, and counts what it has done."""

    node: ManagedNode
    report: DetectionsReport
    may_expire: Callable[[int], bool]
    """Whether the object of an id may be removed: nobody else has prompted or follows it."""
    started: Callable[[int, int], None]
    """Called with the id of a new object and the stamp of the image that it is on."""

    def submit(
        self, session: TrackingSession, header: Header, action: Action, catch_up: int
    ) -> None:
        """
        Hand an action to the tracker's thread.

        :param header: of the image that the detector has seen.
        :param catch_up: most images through which a late prompt is propagated.
        """
        if action.effect is Effect.EXPIRED:
            command = partial(self._remove_expired, session, action.object_id)
        else:
            command = partial(_prompted, session, header, action, catch_up)
        try:
            future = session.submit(command)
        except REFUSALS as error:
            self._refused(action, error)
            return
        future.add_done_callback(partial(self._on_acted, action))

    def _remove_expired(self, session: TrackingSession, object_id: int) -> tuple[int, int]:
        """Remove an object unless a client prompted or follows it by now; see ``_prompted``."""
        newest = session.newest
        present = newest is not None and any(
            track.object_id == object_id for track in newest.tracks
        )
        if newest is None or not present or not self.may_expire(object_id):
            return 0, 0
        session.remove(object_id)
        return object_id, newest.image.stamp

    def _on_acted(self, action: Action, future: Future[tuple[int, int]]) -> None:
        if (error := future.exception()) is not None:
            self._refused(action, error)
            return
        object_id, stamp = future.result()
        if not object_id:
            return
        self.report.count(action.effect.value)
        if action.effect is Effect.NEW:
            self.started(object_id, stamp)
        label = f' ({action.label})' if action.label else ''
        self.node.get_logger().info(
            f'detections: object {object_id}{label} is {_DONE[action.effect]}'
        )

    def _refused(self, action: Action, error: BaseException) -> None:
        self.report.count('prompts refused')
        if isinstance(error, REFUSALS):
            self.report.complain(f'{action.effect.value}: {error}')
        else:
            self.node.errors.report('a prompt of a detection failed', error)


def _prompted(
    session: TrackingSession, header: Header, action: Action, catch_up: int
) -> tuple[int, int]:
    """
    Prompt what detections have found; on the tracker's thread.

    :returns: the object's id, 0 where there was nothing to do any more, and the stamp of the image
        that it is on.
    """
    newest = session.newest
    tracks, stamp = ((), 0) if newest is None else (newest.tracks, newest.image.stamp)
    present = {track.object_id: track for track in tracks}
    track = present.get(action.object_id)
    if action.effect is not Effect.NEW and track is None:
        return 0, stamp
    seen = track is not None and track.state is TrackState.TRACKED
    if action.effect is Effect.FOUND_AGAIN and seen:
        # The tracker has found it by itself since the detector's image.
        return 0, stamp
    prompt = Prompt(
        header=header,
        object_id=action.object_id,
        label=action.label,
        box=box_message(action.box),
    )
    answer = session.prompt(prompt, catch_up)
    new = answer.track.object_id not in present
    changed = new or action.effect is not Effect.NEW
    return answer.track.object_id if changed else 0, answer.tracked.image.stamp
