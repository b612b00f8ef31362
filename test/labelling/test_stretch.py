# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of a recording: which prompts each stretch reads."""

from sam_tracker.labelling.stretch import plan


def test_between_two_prompts_both_are_read_also_when_others_are_as_near():
    frames = [3, 4, 9, 10]
    read = {(each.start, each.end): each.conditioning for each in plan(1, frames, 14, 2, False)}
    assert read[4, 8] == (4, 9) and read[9, 5] == (9, 4)
    assert read[3, 0] == (3, 4) and read[10, 13] == (10, 9)
    # Neighbours have nothing between them.
    assert len(read) == 4


def test_a_new_prompt_changes_nothing_between_others():
    before, after = ({*plan(1, frames, 20, 2, False)} for frames in ([3, 9, 15], [3, 9, 12, 15]))
    between = {each for each in before if {each.start, each.end} in ({3, 8}, {9, 4})}
    assert len(between) == 2 and between <= after


def test_whole_recordings_are_propagated_from_both_ends_with_all_prompts():
    forwards, backwards = plan(1, [2, 5, 8], 12, 2, True)
    assert (forwards.start, forwards.end, backwards.start, backwards.end) == (2, 11, 8, 0)
    assert set(forwards.conditioning) == set(backwards.conditioning) == {2, 5, 8}
