# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps and durations of messages, and the same as whole nanoseconds."""

from builtin_interfaces.msg import Duration
from hypothesis import given
from hypothesis import strategies as st
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from sam_tracker.core.time import SECOND
from sam_tracker.ros.messages.stamps import duration_message, nanoseconds, stamp_text, time_message


@given(st.integers(-(2**31) * SECOND, 2**31 * SECOND - 1))
def test_a_duration_survives_the_way_through_a_message(value):
    message = deserialize_message(serialize_message(duration_message(value)), Duration)
    assert nanoseconds(message) == value


@pytest.mark.parametrize('value', [2**31 * SECOND, 2**63, 3_600_000_000 * SECOND])
def test_a_duration_that_no_message_holds_is_the_longest_one(value):
    longest = Duration(sec=2**31 - 1, nanosec=SECOND - 1)
    assert duration_message(value) == longest
    assert nanoseconds(duration_message(-value)) == -(2**31) * SECOND


@given(st.integers(0, 2**31 * SECOND - 1))
def test_a_stamp_survives_the_way_through_a_message(value):
    assert nanoseconds(time_message(value)) == value


def test_a_stamp_is_printed_to_the_nanosecond():
    assert stamp_text(12 * SECOND + 500) == '12.000000500'
