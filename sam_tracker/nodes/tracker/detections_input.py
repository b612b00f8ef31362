# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The topic ``~/detections_in``: detections are matched with tracked objects."""

from __future__ import annotations

from collections.abc import Callable
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
from sam_tracker.core.boxes import Box
from sam_tracker.core.time import SECOND
from sam_tracker.nodes.tracker.detection_actions import DetectionActions
from sam_tracker.nodes.tracker.detections_report import DetectionsReport
from sam_tracker.nodes.tracker.tracked_objects import tracked_objects
from sam_tracker.nodes.tracker.tracking_session import TrackingSession
from sam_tracker.ros.camera.image_buffer import STAMP_TOLERANCE, ImageNotFoundError
from sam_tracker.ros.images.conversion import ImageError
from sam_tracker.ros.messages import detections as messages
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
        self._last_message = -float('inf')
        self.report = DetectionsReport(node.get_logger())
        self._actions = DetectionActions(node, self.report, self._may_expire, self._on_started)
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
            self.report.count('ignored', given - MOST_READ)
            self.report.complain(
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
            self.report.count('messages')
            if problems:
                self.report.count('invalid', len(problems))
                more = f' (and {len(problems) - 1} more)' if len(problems) > 1 else ''
                self.report.complain(f'{problems[0]}{more}')
            stamp = nanoseconds(header.stamp)
            if not stamp:
                self.report.not_used('the header has no stamp, which must be that of the image')
                return
            newest = self._history.newest_stamp
            if newest is None or stamp > newest + STAMP_TOLERANCE:
                # A detector may be faster than the tracker by some images ...
                self.report.count('messages not used', int(self._waiting is not None))
                self._waiting = (header, detections)
                if newest is not None and stamp > newest + AHEAD:
                    # ... but not by seconds: the message waits, and will hardly be used.
                    ahead = f'{(stamp - newest) / SECOND:.1f} s after the newest tracked image'
                    self.report.complain(
                        f'stamp {stamp_text(stamp)} is {ahead}: do both have the same clock?'
                    )
                return
            self._associate(header, detections)

    def observe(self, tracked: TrackedImage) -> None:
        """Keep the tracks of an image, if detections come in."""
        with self._lock:
            if self.report.empty:
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
            self.report.not_used(
                f'no image close to stamp {stamp_text(stamp)} was tracked, the nearest: {nearest}'
            )
            return
        try:
            session = self._running_session()
        except REFUSALS as error:
            self.report.not_used(str(error))
            return
        image = _Image(session, header)
        outcome = self._associator.associate(detections, objects, image.colours_at)
        self.report.count('used')
        self.report.count('matched', len(outcome.matches))
        self.report.count('unmatched', outcome.unmatched)
        self.report.count('ignored', outcome.ignored)
        if outcome.surplus:
            used = self._associator.settings.most_detections
            self.report.complain(
                f'{used + outcome.surplus} good detections in one message: the best {used} are '
                'used (detections.maximum_detections)'
            )
        catch_up = self._settings().catch_up_frames
        for action in outcome.actions:
            self._actions.submit(session, header, action, catch_up)

    def _may_expire(self, object_id: int) -> bool:
        with self._lock:
            owned = self._associator.owns(object_id)
        return owned and not self._is_followed(object_id)

    def _on_started(self, object_id: int, stamp: int) -> None:
        with self._lock:
            self._associator.started(object_id, stamp)

    def _forget(self) -> None:
        self._associator = Associator(self._settings().detections.association())
        self._history.clear()
        self._looked.clear()
        if self._waiting is not None:
            self._waiting = None
            self.report.count('messages not used')


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
