# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The direction is taken that has not lost the object; it changes where both agree."""

import numpy as np

from sam_tracker.labelling.joining import PairFacts, chosen_directions

BOTH, FORWARD, BACKWARD, NEITHER = (True, True), (True, False), (False, True), (False, False)


def frames(count, agreement, visible=BOTH):
    return [PairFacts(visible, agreement)] * count


def mirrored(facts):
    """Return the same recording backwards."""
    return [PairFacts(each.visible[::-1], each.agreement) for each in facts[::-1]]


def assert_chosen(facts, expected):
    """Compare the choice, of the recording and of the same one backwards."""
    assert list(chosen_directions(facts)) == expected
    assert list(chosen_directions(mirrored(facts))) == [1 - each for each in expected[::-1]]


def test_equal_tracks_change_in_the_middle():
    assert_chosen(frames(20, 1.0), [0] * 10 + [1] * 10)


def test_a_direction_that_has_lost_the_object_is_left_where_both_still_agree():
    chosen = list(chosen_directions(frames(6, 0.95) + frames(14, 0.0, BACKWARD)))
    change = chosen.index(1)
    assert chosen == [0] * change + [1] * (20 - change) and change <= 6


def test_where_they_disagree_throughout_each_is_taken_near_its_prompt():
    assert_chosen(frames(20, 0.0), [0] * 10 + [1] * 10)
    # That the masks touch by the way is no agreement.
    assert_chosen(frames(19, 0.0) + frames(1, 0.3), [0] * 10 + [1] * 10)


def test_a_direction_that_jumps_to_another_object_is_left_before():
    # The forward track is on another object after 5 frames; both see something.
    chosen = chosen_directions(frames(5, 0.9) + frames(15, 0.0))
    assert list(chosen[5:]) == [1] * 15


def test_the_direction_that_sees_the_object_is_taken_before_one_that_reports_its_absence():
    chosen = chosen_directions(frames(15, 0.0, FORWARD) + frames(5, 0.9))
    assert list(chosen[:10]) == [0] * 10


def test_what_is_found_after_a_loss_counts_less_than_what_was_never_lost():
    # Backwards, from the end: it agrees, is lost, and finds another object.
    pairs = frames(8, 0.0) + frames(6, 0.0, FORWARD) + frames(6, 0.9)
    assert list(chosen_directions(pairs)[:14]) == [0] * 14


def test_a_loss_is_forgotten_where_both_agree_again():
    # Each direction loses the object once, and finds it again long before the other does.
    pairs = frames(100, 0.9) + frames(30, 0.0, BACKWARD) + frames(300, 0.9)
    pairs += frames(10, 0.0, FORWARD) + frames(100, 0.9)
    chosen = chosen_directions(pairs)
    assert (chosen[100:130] == 1).all() and (chosen[430:440] == 0).all()


def test_absences_on_which_both_agree_change_nothing():
    pairs = frames(10, 0.9) + frames(50, 1.0, NEITHER) + frames(10, 0.9)
    assert np.count_nonzero(np.diff(chosen_directions(pairs))) == 1


def test_a_single_frame_and_none_are_joined():
    assert list(chosen_directions([])) == []
    assert_chosen(frames(1, 0.0, FORWARD), [0])
    assert_chosen(frames(1, 0.0, BACKWARD), [1])
