# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from sam_tracker.evaluation.metrics.presence import (
    absences,
    balanced_accuracy,
    presence_rates,
    reacquisition_delays,
    returned_frames,
)


def flags(text):
    return np.array([character == '#' for character in text])


def test_both_kinds_of_frames_weigh_the_same():
    present, visible = flags('########.'), flags('#######..')
    assert presence_rates(present, visible) == (1, 0.5)
    assert balanced_accuracy(present, visible) == pytest.approx(0.75)


def test_always_saying_present_is_worth_one_half():
    assert balanced_accuracy(flags('#####'), flags('####.')) == pytest.approx(0.5)


def test_without_an_absent_frame_there_is_no_balanced_accuracy():
    assert np.isnan(balanced_accuracy(flags('##'), flags('##')))


def test_an_absence_lies_between_two_sights():
    found = list(absences(flags('..##...##....'), shortest=3))
    assert [(absence.start, absence.end, absence.next_start) for absence in found] == [(4, 7, 9)]


def test_a_flicker_is_no_absence():
    assert list(absences(flags('##..##'), shortest=3)) == []


def test_frames_after_the_first_absence_show_a_returned_object():
    assert returned_frames(flags('##..##...###..#')).tolist() == flags('.........###..#').tolist()
    assert not returned_frames(flags('...###..###...')).any()


def test_the_delay_counts_from_the_first_frame_of_the_return():
    visible = flags('##...####')
    overlaps = np.array([1, 1, np.nan, np.nan, np.nan, 0.1, 0.4, 0.5, 0.9])
    assert reacquisition_delays(overlaps, visible) == [2]


def test_found_too_late_or_only_after_the_next_absence_is_not_found():
    visible = flags('#...##...##')
    overlaps = np.where(visible, 0.0, np.nan)
    overlaps[9:] = 1
    assert reacquisition_delays(overlaps, visible) == [None, 0]
    assert reacquisition_delays(overlaps, flags('#...#######'), patience=5) == [None]
    assert reacquisition_delays(overlaps, flags('#...#######'), patience=6) == [5]
