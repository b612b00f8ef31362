# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The topic ``~/detections_in``: detections are matched with tracked objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
import threading
import time
from typing import TYPE_CHECKING

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import qos_profile_sensor_data
from std_msgs.msg import Header

from sam_tracker.association.appearance import Histogram, of_box, of_mask
from sam_tracker.association.assignment import load_solver
from sam_tracker.association.associator import Associator
from sam_tracker.association.detections import Detections
from sam_tracker.association.history import TrackHistory
from sam_tracker.association.outcome import Action, Effect
from sam_tracker.core.boxes import Box
from sam_tracker.core.time import SECOND
from sam_tracker.msg import Prompt
from sam_tracker.nodes.tracker.tracked_objects import tracked_objects
from sam_tracker.nodes.tracker.tracking_session import LOG_PERIOD, TrackingSession
from sam_tracker.ros.camera.image_buffer import STAMP_TOLERANCE, ImageNotFoundError
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.messages import detections as messages
from sam_tracker.ros.messages.shapes import box_message
from sam_tracker.ros.messages.stamps import nanoseconds, stamp_text
from sam_tracker.ros.process.service_answers import REFUSALS
from sam_tracker.tracking.track import TrackState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sam_tracker.nodes.tracker.tracked_image import TrackedImage
    from sam_tracker.ros.parameters.tracker import TrackerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode
    from sam_tracker.tracking.track import Track

INTEREST = 60.0
"""Seconds after a message for which tracks are kept for the next one."""
AHEAD = 2 * SECOND
"""Nanoseconds after the newest tracked image from which a stamp may be that of another clock."""
FARTHEST = SECOND // 4
"""Nanoseconds between an image with detections and the nearest tracked one, at most."""
LOOK_PERIOD = SECOND // 2
"""Nanoseconds between two updates of the colours of an object."""
LOOK_CONFIDENCE = 0.5
"""Confidence of a track from which its mask shows the object's colours."""
MOST_READ = 1000
"""Most detections of a message that are used; detectors send the best first."""
TROUBLE_WARNING = 30.0
"""Seconds for which a message that could not be used is worth a warning."""


class DetectionsInput:
    """
    Keeps the tracks of the last images, and matches detections with them as they arrive.

    Detections are late, and belong to the image of their stamp. A message about an image that is
    not tracked yet waits for it; of several such messages the newest. Prompts that follow from
    detections are applied by the tracker to the image that was seen by the detector.

    ``observe`` belongs to the publishing thread, ``receive`` to that of the subscription.
    """

    def __init__(
        self,
        node: ManagedNode,
        running_session: Callable[[], TrackingSession],
        settings: Callable[[], TrackerParameters],
        is_followed: Callable[[int], bool],
    ) -> None:
        """
        Subscribe, where vision_msgs is installed.

        :param running_session: returns the session; raises ``WorkerStoppedError`` when none runs.
        :param settings: returns the current parameters.
        :param is_followed: whether somebody follows the object of an id, which is kept then.
        """
        self._node = node
        self._running_session = running_session
        self._settings = settings
        self._is_followed = is_followed
        self._lock = threading.RLock()
        parameters = settings()
        self._associator = Associator(parameters.detections.association())
        self._history = TrackHistory(_span(parameters))
        self._epoch = 0
        self._waiting: tuple[Header, Detections] | None = None
        self._looked: dict[int, int] = {}
        """By object id: stamp of the last update of its colours."""
        self._counts: Counter[str] = Counter()
        self._trouble = ''
        self._last_trouble = self._last_message = -float('inf')
        if messages.INSTALLED:
            # Not with the first message: images would wait for the lock meanwhile.
            load_solver()
            node.create_subscription(
                messages.Detection2DArray,
                '~/detections_in',
                self._on_message,
                # Best effort receives from every detector.
                qos_profile_sensor_data,
                callback_group=MutuallyExclusiveCallbackGroup(),
            )

    def report(self) -> dict[str, str]:
        """Return what was done with detections, for diagnostics."""
        with self._lock:
            if not self._counts:
                return {}
            names = (
                *('messages', 'used', 'matched', 'unmatched', 'ignored', 'invalid'),
                *(effect.value for effect in Effect),
                *('messages not used', 'prompts refused'),
            )
            counts = {f'detections: {name}': str(self._counts[name]) for name in names}
            return {**counts, 'detections: last trouble': self._trouble}

    def warnings(self) -> list[str]:
        """Return why detections could not be used lately."""
        recent = time.monotonic() - self._last_trouble < TROUBLE_WARNING
        return [f'detections: {self._trouble}'] if recent else []

    def reset(self) -> None:
        """Forget all objects, because a new session has none."""
        with self._lock:
            self._forget()

    def configure(self) -> None:
        """Apply the parameters."""
        with self._lock:
            parameters = self._settings()
            self._associator.configure(parameters.detections.association())
            self._history.span = _span(parameters)

    def disown(self, object_id: int) -> None:
        """Never remove an object any more, because a client has prompted it."""
        with self._lock:
            self._associator.disown(object_id)

    # --- input ---

    def _on_message(self, message: messages.Detection2DArray) -> None:
        if (given := len(message.detections)) > MOST_READ:
            with self._lock:
                self._counts['ignored'] += given - MOST_READ
                self._complain(
                    f'{given} detections in one message: the first {MOST_READ} are read'
                )
            message.detections = message.detections[:MOST_READ]
        detections, problems = messages.detections_of_message(message)
        self.receive(message.header, detections, problems)

    def receive(self, header: Header, detections: Detections, problems: list[str]) -> None:
        """
        Use the detections of an image, or keep them until it is tracked.

        :param header: of the image.
        :param problems: what is wrong with detections that were left out.
        """
        with self._lock:
            self._last_message = time.monotonic()
            self._counts['messages'] += 1
            if problems:
                self._counts['invalid'] += len(problems)
                more = f' (and {len(problems) - 1} more)' if len(problems) > 1 else ''
                self._complain(f'{problems[0]}{more}')
            stamp = nanoseconds(header.stamp)
            if not stamp:
                self._not_used('the header has no stamp, which must be that of the image')
                return
            newest = self._history.newest_stamp
            if newest is None or stamp > newest + STAMP_TOLERANCE:
                # A detector may be faster than the tracker by some images ...
                self._counts['messages not used'] += self._waiting is not None
                self._waiting = (header, detections)
                if newest is not None and stamp > newest + AHEAD:
                    # ... but not by seconds: the message waits, and will hardly be used.
                    ahead = f'{(stamp - newest) / SECOND:.1f} s after the newest tracked image'
                    self._complain(
                        f'stamp {stamp_text(stamp)} is {ahead}: do both have the same clock?'
                    )
                return
            self._associate(header, detections)

    def observe(self, tracked: TrackedImage) -> None:
        """Keep the tracks of an image, if detections come in."""
        with self._lock:
            if not self._counts:
                return
            if tracked.image.epoch != self._epoch:
                self._epoch = tracked.image.epoch
                self._forget()
            stamp = tracked.image.stamp
            ids = {track.object_id for track in tracked.tracks}
            self._associator.retain(ids, stamp)
            self._looked = {each: self._looked[each] for each in self._looked.keys() & ids}
            if time.monotonic() - self._last_message > INTEREST:
                self._history.clear()
                return
            self._history.add(tracked_objects(tracked.tracks, stamp))
            for track in tracked.tracks:
                self._look(track, tracked)
            if self._waiting is not None:
                header, detections = self._waiting
                if nanoseconds(header.stamp) <= stamp + STAMP_TOLERANCE:
                    self._waiting = None
                    self._associate(header, detections)

    def _look(self, track: Track, tracked: TrackedImage) -> None:
        """Remember the colours of an object, at most every ``LOOK_PERIOD``."""
        if track.state is not TrackState.TRACKED:
            return
        last = self._looked.get(track.object_id)
        if last is not None and abs(track.stamp - last) < LOOK_PERIOD:
            return
        region = track.region
        if region is None:
            return
        colours = of_mask(tracked.pixels, region, track.mask_crop)
        if colours is not None:
            self._looked[track.object_id] = track.stamp
            sure = track.confidence >= LOOK_CONFIDENCE
            self._associator.look(track.object_id, colours, sure=sure)

    # --- association ---

    def _associate(self, header: Header, detections: Detections) -> None:
        stamp = nanoseconds(header.stamp)
        objects = self._history.nearest(stamp)
        if objects is None or abs(objects.stamp - stamp) > FARTHEST:
            nearest = 'none' if objects is None else stamp_text(objects.stamp)
            self._not_used(
                f'no image close to stamp {stamp_text(stamp)} was tracked, the nearest: {nearest}'
            )
            return
        try:
            session = self._running_session()
        except REFUSALS as error:
            self._not_used(str(error))
            return
        image = _Image(session, header)
        outcome = self._associator.associate(detections, objects, image.colours_at)
        self._counts['used'] += 1
        self._counts['matched'] += len(outcome.matches)
        self._counts['unmatched'] += outcome.unmatched
        self._counts['ignored'] += outcome.ignored
        if outcome.surplus:
            used = self._associator.settings.most_detections
            self._complain(
                f'{used + outcome.surplus} good detections in one message: the best {used} are '
                'used (detections.maximum_detections)'
            )
        for action in outcome.actions:
            self._act(session, header, action)

    def _act(self, session: TrackingSession, header: Header, action: Action) -> None:
        """Pass the prompts and removals that follow from detections to the tracker."""
        if action.effect is Effect.EXPIRED:
            command = partial(self._remove_expired, session, action.object_id)
        else:
            catch_up = self._settings().catch_up_frames
            command = partial(_prompted, session, header, action, catch_up)
        try:
            future = session.submit(command)
        except REFUSALS as error:
            self._refused(action, error)
            return
        future.add_done_callback(partial(self._on_acted, action))

    def _remove_expired(self, session: TrackingSession, object_id: int) -> tuple[int, int]:
        """Remove an object unless a client prompted or follows it by now; see ``_prompted``."""
        with self._lock:
            owned = self._associator.owns(object_id)
        newest = session.newest
        present = newest is not None and any(
            track.object_id == object_id for track in newest.tracks
        )
        if newest is None or not (present and owned) or self._is_followed(object_id):
            return 0, 0
        session.remove(object_id)
        return object_id, newest.image.stamp

    def _on_acted(self, action: Action, future: Future[tuple[int, int]]) -> None:
        if (error := future.exception()) is not None:
            with self._lock:
                self._refused(action, error)
            return
        object_id, stamp = future.result()
        if not object_id:
            return
        with self._lock:
            self._counts[action.effect.value] += 1
            if action.effect is Effect.NEW:
                self._associator.started(object_id, stamp)
        label = f' ({action.label})' if action.label else ''
        self._node.get_logger().info(
            f'detections: object {object_id}{label} is {_DONE[action.effect]}'
        )

    # --- trouble ---

    def _refused(self, action: Action, error: BaseException) -> None:
        self._counts['prompts refused'] += 1
        if isinstance(error, REFUSALS):
            self._complain(f'{action.effect.value}: {error}')
        else:
            self._node.errors.report('a prompt of a detection failed', error)

    def _not_used(self, reason: str) -> None:
        self._counts['messages not used'] += 1
        self._complain(reason)

    def _complain(self, trouble: str) -> None:
        self._trouble, self._last_trouble = trouble, time.monotonic()
        self._node.get_logger().warning(f'detections: {trouble}', throttle_duration_sec=LOG_PERIOD)

    def _forget(self) -> None:
        self._associator = Associator(self._settings().detections.association())
        self._history.clear()
        self._looked.clear()
        if self._waiting is not None:
            self._waiting = None
            self._counts['messages not used'] += 1


_DONE = {
    Effect.NEW: 'new',
    Effect.FOUND_AGAIN: 'prompted again',
    Effect.CORRECTED: 'corrected',
    Effect.EXPIRED: 'forgotten: nobody has seen it any more',
}


class _Image:
    """The image that a detector has seen; decoded if its colours are asked for."""

    def __init__(self, session: TrackingSession, header: Header) -> None:
        self._session = session
        self._header = header
        self._pixels: NDArray[np.uint8] | None = None

    def colours_at(self, box: Box) -> Histogram | None:
        if self._pixels is None:
            try:
                self._pixels = self._session.buffer.requested(self._header).rgb()
            except (ImageNotFoundError, ImageError):
                return None
        return of_box(self._pixels, box)


def _span(parameters: TrackerParameters) -> int:
    return round(parameters.buffer.seconds * SECOND)


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
