# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks to runs along the rows and back."""

from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes, arrays
import numpy as np
import pytest

from sam_tracker.web.mask_runs import MaskRunsError, mask_of_runs, row_runs


# A loaded machine is no defect.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_a_mask_comes_back_from_its_runs(mask):
    height, width = mask.shape
    runs = row_runs(mask)
    assert runs.sum() == mask.size
    again = mask_of_runs(runs.tolist(), width, height)
    np.testing.assert_array_equal(again, np.where(mask, 255, 0))


def test_runs_go_along_the_rows_and_begin_with_what_is_no_object():
    mask = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    assert row_runs(mask).tolist() == [1, 3, 2]
    assert row_runs(1 - mask).tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize(
    ('runs', 'said'),
    [([1, 2], '3 pixels'), ([7, -1], '-1'), ([], '0 pixels'), ([10**30], str(10**30))],
)
def test_runs_that_are_no_mask_are_refused_by_name(runs, said):
    with pytest.raises(MaskRunsError, match=said):
        mask_of_runs(runs, 3, 2)
