# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of stamps and durations to integer nanoseconds, the tracker's unit, and back."""

from builtin_interfaces.msg import Duration, Time

from sam_tracker.core.time import SECOND

_LONGEST = 2**31 * SECOND - 1
_SHORTEST = -(2**31) * SECOND


def nanoseconds(stamp: Time | Duration) -> int:
    """Convert a stamp or a duration to nanoseconds."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def time_message(value: int) -> Time:
    """Convert nanoseconds, not negative, to a stamp."""
    seconds, rest = divmod(value, SECOND)
    return Time(sec=seconds, nanosec=rest)


def duration_message(value: int) -> Duration:
    """
    Convert nanoseconds to a duration, saturated at the limit of the message (68 years).

    A negative duration has negative seconds and positive nanoseconds, as in rclpy.
    """
    seconds, rest = divmod(min(max(value, _SHORTEST), _LONGEST), SECOND)
    return Duration(sec=seconds, nanosec=rest)


def stamp_text(value: int) -> str:
    """Format nanoseconds as seconds, exact to the nanosecond: ``12.500000000``."""
    seconds, rest = divmod(value, SECOND)
    return f'{seconds}.{rest:09d}'
