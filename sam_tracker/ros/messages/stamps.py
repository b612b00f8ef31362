# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps and durations of messages as whole nanoseconds, the unit of the tracker."""

from builtin_interfaces.msg import Duration, Time

from sam_tracker.core.time import SECOND

_LONGEST = 2**31 * SECOND - 1
_SHORTEST = -(2**31) * SECOND


def nanoseconds(stamp: Time | Duration) -> int:
    """Return a stamp or a duration as whole nanoseconds."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def time_message(value: int) -> Time:
    """Return nanoseconds, not negative, as a stamp."""
    seconds, rest = divmod(value, SECOND)
    return Time(sec=seconds, nanosec=rest)


def duration_message(value: int) -> Duration:
    """
    Return nanoseconds as a duration, saturated at what the message can hold (68 years).

    A negative duration has negative seconds and positive nanoseconds, as in rclpy.
    """
    seconds, rest = divmod(min(max(value, _SHORTEST), _LONGEST), SECOND)
    return Duration(sec=seconds, nanosec=rest)


def stamp_text(value: int) -> str:
    """Return nanoseconds as seconds for people, exact to the nanosecond: ``12.500000000``."""
    seconds, rest = divmod(value, SECOND)
    return f'{seconds}.{rest:09d}'
