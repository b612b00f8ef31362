# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Coordinate frames by tf2_ros, where that package is installed."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from geometry_msgs.msg import TransformStamped
import numpy as np
from rclpy.exceptions import InvalidHandle

from sam_tracker.core.quaternion import rotation_of_quaternion
from sam_tracker.localization.rigid_transform import RigidTransform
from sam_tracker.ros.camera import transforms
from sam_tracker.ros.camera.transforms import Transforms
from sam_tracker.ros.messages.places import vector_message
from sam_tracker.ros.parameters.declaration import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.callback_groups import CallbackGroup
    from rclpy.task import Future
    from std_msgs.msg import Header
    from tf2_ros import TransformBroadcaster

    from sam_tracker.localization.place import Place
    from sam_tracker.ros.parameters.localizer import LocalizerParameters
    from sam_tracker.ros.process.managed_node import ManagedNode


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
            if getattr(parameters, name) and not transforms.INSTALLED:
                raise ParameterError(
                    f'{name} {getattr(parameters, name)!r} needs tf2_ros, which is not installed'
                )
        self._transforms: Transforms | None = None
        self._broadcaster: TransformBroadcaster | None = None
        self._awaited: Header | None = None
        self._known: Future | None = None
        if self.target:
            self._transforms = Transforms(node)
            self._guard = node.create_guard_condition(on_known, callback_group=group)
            self._undo.callback(node.destroy_guard_condition, self._guard)
            self._undo.callback(self._transforms.close)
            self._undo.callback(self._stop_waiting)
        if parameters.broadcast_frames:
            self._broadcaster = transforms.transform_broadcaster(node)
            self._undo.callback(node.destroy_publisher, self._broadcaster.pub_tf)

    @property
    def broadcasting(self) -> bool:
        return self._broadcaster is not None

    def to_target(self, header: Header) -> RigidTransform | None:
        """
        Return the transform from the frame of a header at its time; None: to that frame itself.

        :raises TransformError: it is not known.
        """
        if self._transforms is None or header.frame_id == self.target:
            return None
        found = self._transforms.to_frame(self.target, header)
        turn, move = found.rotation, found.translation
        rotation = rotation_of_quaternion(turn.x, turn.y, turn.z, turn.w)
        return RigidTransform(rotation, np.array((move.x, move.y, move.z)))

    def wait_for(self, header: Header) -> None:
        """Have ``on_known`` called once the transform of this header is known, and of no other."""
        if self._transforms is None or header is self._awaited:
            return
        self._stop_waiting()
        self._awaited = header
        self._known = self._transforms.to_frame_known(self.target, header)
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

    def follow(self, stamp: int) -> None:
        """As ``Transforms.follow``."""
        if self._transforms is not None:
            self._transforms.follow(stamp)

    def missed(self) -> None:
        """As ``Transforms.missed``."""
        if self._transforms is not None:
            self._transforms.missed()

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
