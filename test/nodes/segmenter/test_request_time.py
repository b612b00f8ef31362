# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Turns of coroutines: one at a time, in order, and an abandoned turn blocks no other."""

from sam_tracker.nodes.segmenter.request_time import Turns


def test_turns_come_one_at_a_time_in_the_order_of_the_requests():
    turns = Turns()
    first, second, third = (turns.request() for _ in range(3))
    assert [each.done() for each in (first, second, third)] == [True, False, False]
    turns.release()
    assert [each.done() for each in (second, third)] == [True, False]
    turns.release()
    assert third.done()


def test_a_turn_that_was_given_up_is_passed_over():
    turns = Turns()
    turns.request()
    second, third = turns.request(), turns.request()
    assert second.cancel()
    turns.release()
    assert third.done()
    turns.release()
    assert turns.request().done()
