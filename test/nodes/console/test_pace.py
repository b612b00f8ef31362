# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How large the pictures of one viewer are."""

from sam_tracker.nodes.console.pace import LEVELS, Pace


def drive(pace: Pace, start: float, seconds: float, delay: float) -> float:
    """Send pictures that take ``delay`` each, and return the time."""
    now = start
    while now < start + seconds:
        pace.sent(now)
        now += delay
        pace.shown(now)
    return now


def test_two_pictures_are_under_way_at_most():
    pace = Pace(0.0)
    for _ in range(Pace.MOST_UNDER_WAY):
        assert pace.ready
        pace.sent(0.0)
    assert not pace.ready
    pace.shown(0.1)
    assert pace.ready


def test_a_slow_viewer_gets_smaller_pictures_and_large_ones_again_when_it_is_fast():
    pace = Pace(0.0)
    assert pace.level is LEVELS[0]
    now = drive(pace, 0.0, 60.0, 2.0)
    assert pace.level is LEVELS[-1]
    drive(pace, now, 600.0, 0.02)
    assert pace.level is LEVELS[0]


def test_a_level_that_was_too_large_is_tried_ever_less_often():
    pace, now, changes = Pace(0.0), 0.0, 0
    level = pace.level
    while now < 600.0:
        # Only the smallest but one can be taken in time.
        now = drive(pace, now, 0.1, 1.5 if pace.level.scale > LEVELS[2].scale else 0.05)
        changes += pace.level is not level
        level = pace.level
    assert changes < 30


def test_an_answer_without_a_picture_is_ignored():
    pace = Pace(0.0)
    for _ in range(100):
        pace.shown(1e6)
    assert pace.level is LEVELS[0]
    assert pace.ready
