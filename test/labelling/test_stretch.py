# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of a recording: which prompts each stretch reads."""

import numpy as np

from sam_tracker.core.prompt import Prompt
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.stretch import plan


def test_between_two_prompts_both_are_read_also_when_others_are_as_near():
    frames = [3, 4, 9, 10]
    read = {(each.start, each.end): each.conditioning for each in plan(1, frames, 14, 4, False)}
    assert read[4, 8] == (4, 9) and read[9, 5] == (9, 4)
    assert read[3, 0] == (3, 4) and read[10, 13] == (10, 9, 4)
    # Neighbours have nothing between them.
    assert len(read) == 4


def test_corrections_do_not_replace_the_prompt_that_says_what_the_object_is():
    read = {(each.start, each.end): each.conditioning for each in plan(1, [2, 6, 7], 9, 2, False)}
    assert read[7, 8] == (7, 6, 2) and read[6, 3] == (6, 2) and read[2, 0] == (2, 6)
    mask = np.ones((8, 8), bool)
    said = ObjectPrompts().added(2, Prompt(mask=mask))
    for frame in (1, 6, 7):
        said = said.corrected(frame, Prompt(mask=mask), mask, True)
    # A correction on an earlier frame says nothing new.
    assert said.defining == 2 and said.basis(8) == (7, 6, 2)


def test_a_new_prompt_changes_nothing_between_others():
    before, after = ({*plan(1, frames, 20, 3, False)} for frames in ([3, 9, 15], [3, 9, 12, 15]))
    between = {each for each in before if {each.start, each.end} in ({3, 8}, {9, 4})}
    assert len(between) == 2 and between <= after


def test_whole_recordings_are_propagated_from_both_ends_with_all_prompts():
    forwards, backwards = plan(1, [2, 5, 8], 12, 2, True)
    assert (forwards.start, forwards.end, backwards.start, backwards.end) == (2, 11, 8, 0)
    assert set(forwards.conditioning) == set(backwards.conditioning) == {2, 5, 8}
