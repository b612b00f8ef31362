# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Coordinate frames by tf2_ros, where that package is installed."""

from __future__ import annotations

from contextlib import ExitStack, suppress
import math
import time
from typing import TYPE_CHECKING

from geometry_msgs.msg import TransformStamped
from rclpy.exceptions import InvalidHandle
from rclpy.time import Time

from sam_tracker.localization.rigid_transform import RigidTransform
from sam_tracker.ros.messages.places import vector_message
from sam_tracker.ros.parameters.declaration import ParameterError

try:
    import tf2_ros
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.callback_groups import CallbackGroup
    from rclpy.task import Future
    from std_msgs.msg import Header

    from sam_tracker.localization.place import Place
    from sam_tracker.ros.parameters.localizer import LocalizerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode


STRAGGLERS = 10.0
"""Seconds for which transforms of the old clock may still come after it was set back."""
FORGET_PAUSE = 1.0
"""Seconds between two times that all transforms are forgotten, so that new ones can come."""


class FrameError(ValueError):
    """A transform is not known; the text says which and why."""


class Frames:
    """Looks up the frame of the output, and broadcasts those of the objects."""

    def __init__(
        self,
        node: ManagedNode,
        parameters: LocalizerParameters,
        on_known: Callable[[], None],
        group: CallbackGroup,
    ) -> None:
        """
        Subscribe to transforms if there is a target frame.

        :param on_known: called in ``group`` when a transform that is awaited has become known.
        :raises ParameterError: a parameter needs tf2_ros, which is not installed.
        """
        self.target = parameters.target_frame
        self._prefix = parameters.frame_prefix
        self._undo = ExitStack()
        for name in ('target_frame', 'broadcast_frames'):
            if getattr(parameters, name) and not INSTALLED:
                raise ParameterError(
                    f'{name} {getattr(parameters, name)!r} needs tf2_ros, which is not installed'
                )
        self._buffer = self._broadcaster = None
        self._awaited: Header | None = None
        self._known: Future | None = None
        self._restarted = self._forgotten = -math.inf
        if self.target:
            self._buffer = tf2_ros.Buffer()
            self._guard = node.create_guard_condition(on_known, callback_group=group)
            self._undo.callback(node.destroy_guard_condition, self._guard)
            listener = tf2_ros.TransformListener(self._buffer, node)
            self._undo.callback(listener.unregister)
            self._undo.callback(self._stop_waiting)
        if parameters.broadcast_frames:
            self._broadcaster = tf2_ros.TransformBroadcaster(node)
            self._undo.callback(node.destroy_publisher, self._broadcaster.pub_tf)

    @property
    def broadcasting(self) -> bool:
        return self._broadcaster is not None

    def to_target(self, header: Header) -> RigidTransform | None:
        """
        Return the transform from the frame of a header at its time; None: to that frame itself.

        :raises FrameError: it is not known.
        """
        if self._buffer is None or header.frame_id == self.target:
            return None
        try:
            found = self._buffer.lookup_transform(
                self.target, header.frame_id, Time.from_msg(header.stamp)
            )
        except tf2_ros.TransformException as error:
            raise FrameError(
                f'no transform from {header.frame_id!r} to {self.target!r}: {error}'
            ) from error
        turn, move = found.transform.rotation, found.transform.translation
        return RigidTransform.of_quaternion(
            (turn.x, turn.y, turn.z, turn.w), (move.x, move.y, move.z)
        )

    def wait_for(self, header: Header) -> None:
        """Have ``on_known`` called once the transform of this header is known, and of no other."""
        if self._buffer is None or header is self._awaited:
            return
        self._stop_waiting()
        self._awaited = header
        self._known = self._buffer.wait_for_transform_async(
            self.target, header.frame_id, Time.from_msg(header.stamp)
        )
        # On a thread that holds a lock of the buffer: the guard moves the call to another.
        self._known.add_done_callback(self._wake)

    def _wake(self, known: Future) -> None:
        if not known.cancelled():
            with suppress(InvalidHandle):
                self._guard.trigger()

    def _stop_waiting(self) -> None:
        if self._known is not None:
            self._known.cancel()
        self._awaited = self._known = None

    def restart(self) -> None:
        """Forget all transforms but static ones: the clock was set back."""
        self._restarted = time.monotonic()
        self._forget()

    def give_up(self) -> None:
        """
        Forget the transforms again if the clock was set back a short while ago.

        A transform of the old clock that came after ``restart`` makes tf2 refuse all later ones
        as too old. To be called when a transform that was waited for has not come.
        """
        now = time.monotonic()
        if now - self._restarted < STRAGGLERS and now - self._forgotten >= FORGET_PAUSE:
            self._forget()

    def _forget(self) -> None:
        if self._buffer is not None:
            self._forgotten = time.monotonic()
            self._buffer.clear()

    def broadcast(self, header: Header, places: Sequence[Place]) -> None:
        """Broadcast a frame for each place that has a position, in the frame of the header."""
        if self._broadcaster is None:
            return
        transforms = []
        for place in places:
            if place.position is not None:
                child = f'{self._prefix}{place.object_id}'
                transform = TransformStamped(header=header, child_frame_id=child)
                transform.transform.translation = vector_message(place.position)
                transform.transform.rotation.w = 1.0
                transforms.append(transform)
        if transforms:
            self._broadcaster.sendTransform(transforms)

    def close(self) -> None:
        self._undo.close()
