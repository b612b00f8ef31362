# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from sam_tracker.evaluation.metrics.identity import identity, identity_switches
from sam_tracker.evaluation.metrics.spread import estimate, mean_estimate, paired_difference


@pytest.fixture
def object_ids():
    ids = np.zeros((10, 20), np.uint8)
    ids[2:8, 2:8] = 1
    ids[2:8, 12:18] = 2
    return ids


def test_a_mask_is_the_object_that_it_covers(object_ids):
    assert identity(object_ids == 1, object_ids) == 1
    assert identity(object_ids == 2, object_ids) == 2


def test_a_mask_of_both_objects_or_of_none_is_nobody(object_ids):
    assert identity(np.ones((10, 20), bool), object_ids) == 0
    assert identity(object_ids == 0, object_ids) == 0
    assert identity(np.zeros((10, 20), bool), object_ids) == 0


def test_a_mask_of_half_an_object_just_counts(object_ids):
    half = object_ids == 1
    half[:, 5:] = False
    assert identity(half, object_ids) == 1
    half[2] = False
    assert identity(half, object_ids) == 0


@pytest.mark.parametrize(
    ('identities', 'switches'),
    [([1, 1, 1], 0), ([1, 2, 2], 1), ([1, 0, 1], 0), ([1, 0, 0, 2, 0, 1], 2), ([0, 0], 0)],
)
def test_switches_are_counted_through_frames_of_nobody(identities, switches):
    assert identity_switches(np.array(identities)) == switches


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide():
    values = np.random.default_rng(1).normal(5, 2, 400)
    mean = mean_estimate(values)
    assert mean.value == pytest.approx(values.mean())
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.15)


def test_clips_without_a_value_do_not_count():
    mean = mean_estimate(np.array([1.0, np.nan, 3.0]))
    assert (mean.value, mean.count) == (2, 2)
    assert np.isnan(mean_estimate(np.array([np.nan])).value)


def test_a_paired_difference_is_sharper_than_the_two_means():
    rng = np.random.default_rng(2)
    clips = rng.normal(0.5, 0.3, 60)
    difference = paired_difference(clips + 0.05 + rng.normal(0, 0.01, 60), clips)
    assert difference.low > 0.04
    assert mean_estimate(clips).high - mean_estimate(clips).low > 0.1


def test_trackers_on_different_clips_cannot_be_paired():
    with pytest.raises(ValueError, match='3 clips cannot be paired with 2'):
        paired_difference(np.zeros(3), np.zeros(2))


def test_resamples_without_a_value_are_left_out():
    values = np.array([np.nan, 1.0, 2.0])

    def first(chosen):
        return float(values[chosen[0]])

    result = estimate(first, 3)
    assert np.isnan(result.value)
    assert (result.low, result.high) == (1, 2)
