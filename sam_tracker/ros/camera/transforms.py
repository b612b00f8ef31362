# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The transforms of a robot, where tf2_ros is installed."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from rclpy.time import Time

from sam_tracker.core.texts import error_text

try:
    import tf2_ros
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

if TYPE_CHECKING:
    from geometry_msgs.msg import Transform
    from rclpy.node import Node
    from rclpy.task import Future
    from std_msgs.msg import Header

STRAGGLERS = 10.0
"""Seconds for which transforms of the old clock may still come after it was set back."""
FORGET_PAUSE = 1.0
"""Seconds between two times that all transforms are forgotten, so that new ones can come."""
MOST_TEXT = 300
"""Characters of what tf2 says; it repeats names of any length, and may list all frames."""
MOST_NAME = 100
"""Characters of a frame's id in a message."""


def frame_text(frame_id: str) -> str:
    """Return the id of a frame for a message: in quotes, and shortened if it is very long."""
    return repr(frame_id if len(frame_id) <= MOST_NAME else f'{frame_id[:MOST_NAME]}...')


class TransformError(ValueError):
    """A transform is not known; the text says which and why."""


class Transforms:
    """
    A tf2 buffer and its subscriptions, for images whose clock may be set back.

    tf2 refuses transforms that are much older than the newest one: when a bag or a simulation
    starts again, it would refuse all of them.
    """

    def __init__(self, node: Node) -> None:
        """Subscribe to transforms; ``close`` ends it. tf2_ros must be installed."""
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self._newest = 0
        self._set_back = self._forgotten = -math.inf

    def to_frame(self, target: str, header: Header) -> Transform:
        """
        Return the transform from the frame of a header, at its time, to another frame.

        :raises TransformError: it is not known.
        """
        try:
            return self._buffer.lookup_transform(
                target, header.frame_id, Time.from_msg(header.stamp)
            ).transform
        except tf2_ros.TransformException as error:
            source = frame_text(header.frame_id)
            raise TransformError(
                f'no transform from {source} to {target!r}: {_reason(error)}'
            ) from error

    def to_frame_known(self, target: str, header: Header) -> Future:
        """Return what is done, on a thread of tf2's choice, when ``to_frame`` would succeed."""
        return self._buffer.wait_for_transform_async(
            target, header.frame_id, Time.from_msg(header.stamp)
        )

    def over_time(self, frame: str, start: int, end: int, fixed_frame: str) -> Transform:
        """
        Return the transform from a frame at one time to the same frame at another.

        :param start: nanoseconds.
        :param end: nanoseconds.
        :param fixed_frame: what does not move between the two.
        :raises TransformError: it is not known.
        """
        before, after = Time(nanoseconds=start), Time(nanoseconds=end)
        try:
            return self._buffer.lookup_transform_full(
                frame, after, frame, before, fixed_frame
            ).transform
        except tf2_ros.TransformException as error:
            raise TransformError(_reason(error)) from error

    def follow(self, stamp: int) -> None:
        """Note the stamp of an image, in nanoseconds; if it is before the last, forget."""
        if stamp < self._newest:
            self._set_back = time.monotonic()
            self._forget()
        self._newest = stamp

    def missed(self) -> None:
        """
        Note that a transform has not come; if the clock was set back a short while ago, forget.

        One of the old clock that came after ``follow`` makes tf2 refuse all new ones.
        """
        now = time.monotonic()
        if now - self._set_back < STRAGGLERS and now - self._forgotten >= FORGET_PAUSE:
            self._forget()

    def close(self) -> None:
        """End the subscriptions."""
        self._listener.unregister()

    def _forget(self) -> None:
        """Forget all transforms but static ones."""
        self._forgotten = time.monotonic()
        self._buffer.clear()


def _reason(error: Exception) -> str:
    return error_text(error)[:MOST_TEXT]


def transform_broadcaster(node: Node) -> tf2_ros.TransformBroadcaster:
    """Return a publisher of moving frames. tf2_ros must be installed."""
    return tf2_ros.TransformBroadcaster(node)
