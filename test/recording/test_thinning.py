# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of an endless stream is bounded and evenly spread."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.recording.thinning import EvenlySpread


@given(capacity=st.integers(2, 20), length=st.integers(0, 500))
def test_kept_items_are_equally_far_apart_and_cover_the_stream(capacity, length):
    spread = EvenlySpread(capacity)
    made = []
    for number in range(length):
        spread.offer(lambda number=number: made.append(number) or number)
    assert len(spread.items) <= capacity
    assert len(spread.items) >= min(length, capacity // 2)
    assert len(set(np.diff(spread.items))) <= 1
    if length:
        stride = spread.items[1] - spread.items[0] if len(spread.items) > 1 else 1
        assert spread.items[0] == 0
        assert length - 1 - spread.items[-1] < max(stride, 2)
    if length > 4 * capacity:
        assert len(made) < length  # what is not kept is not even made


def test_a_selection_has_the_first_and_the_last():
    spread = EvenlySpread(10)
    for number in range(10):
        spread.offer(lambda number=number: number)
    assert spread.selection(4) == [0, 3, 6, 9]
    assert spread.selection(1) == [0]
    assert spread.selection(20) == list(range(10))


def test_a_capacity_below_two_is_refused():
    with pytest.raises(ValueError, match='capacity is 1'):
        EvenlySpread(1)
