# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The direction is taken that has not lost the object; it changes where both agree."""

import numpy as np

from sam_tracker.labelling.joining import PairFacts, chosen_directions, jump_costs

BOX = (10.0, 10.0, 30.0, 30.0)


def facts(forward, backward, agreement, boxes=(BOX, BOX)):
    return PairFacts((forward, backward), boxes, agreement)


def test_equal_tracks_change_in_the_middle():
    chosen = list(chosen_directions([facts(0.8, 0.8, 1.0)] * 20))
    assert chosen == [0] * 10 + [1] * 10


def test_a_direction_that_has_lost_the_object_is_left_where_both_still_agree():
    agreeing = [facts(0.8, 0.8, 0.95)] * 6
    lost = [facts(0.3, 0.8, 0.0)] * 14
    chosen = list(chosen_directions(agreeing + lost))
    change = chosen.index(1)
    assert chosen == [0] * change + [1] * (20 - change) and change <= 6
    # The same recording, backwards.
    mirrored = [facts(*each.certainty[::-1], each.agreement) for each in (agreeing + lost)[::-1]]
    assert list(chosen_directions(mirrored)) == [1 - each for each in chosen[::-1]]


def test_both_being_sure_each_is_taken_near_its_prompt_however_much_they_disagree():
    chosen = chosen_directions([facts(0.8, 0.8, 0.0)] * 20)
    assert chosen[0] == 0 and chosen[-1] == 1
    assert np.count_nonzero(np.diff(chosen)) == 1


def test_a_jump_to_another_object_is_avoided():
    far = (90.0, 90.0, 110.0, 110.0)
    # The forward track jumps away after 5 frames; both stay equally sure.
    pairs = [facts(0.8, 0.8, 0.9)] * 5 + [facts(0.8, 0.8, 0.0, (far, BOX))] * 15
    assert list(chosen_directions(pairs)[5:]) == [1] * 15


def test_a_direction_that_is_sure_of_an_absence_is_not_taken_before_one_that_sees_the_object():
    lost = [facts(0.65, 0.9, 0.0, (BOX, None))] * 15
    chosen = chosen_directions(lost + [facts(0.65, 0.65, 0.9)] * 5)
    assert list(chosen[:10]) == [0] * 10


def test_what_is_found_after_a_loss_counts_less_than_what_was_never_lost():
    other = (90.0, 90.0, 110.0, 110.0)
    # Backwards, from the end: it agrees, is lost, and is sure of another object.
    pairs = [facts(0.7, 0.9, 0.0, (BOX, other))] * 8
    pairs += [facts(0.7, 0.9, 0.0, (BOX, None))] * 6
    pairs += [facts(0.7, 0.7, 0.9)] * 6
    assert list(chosen_directions(pairs)[:14]) == [0] * 14


def test_a_single_frame_and_none_are_joined():
    assert list(chosen_directions([])) == []
    assert list(chosen_directions([facts(0.9, 0.2, 0.5)])) == [0]
    assert list(chosen_directions([facts(0.2, 0.9, 0.5)])) == [1]


def test_constant_velocity_is_no_jump():
    moving = np.array([(x, 0.0, x + 20, 20.0) for x in range(0, 100, 5)])
    assert jump_costs(moving).max() == 0
    moving[10] = np.nan
    moving[15] = (0.0, 50.0, 20.0, 70.0)
    costs = jump_costs(moving)
    assert np.isclose(costs[15], 1) and (costs[:15] == 0).all()
