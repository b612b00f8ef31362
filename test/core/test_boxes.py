# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

from sam_tracker.core.boxes import box_iou

corners = arrays.arrays(
    np.int64, st.tuples(st.integers(0, 25), st.just(4)), elements=st.integers(0, 12)
)


@given(corners)
@hypothesis_settings(deadline=None)
def test_iou_is_symmetric_and_one_with_itself(corners):
    low = corners[:, :2].astype(np.float64)
    boxes = np.concatenate((low, low + 1 + corners[:, 2:]), axis=1)
    table = box_iou(boxes[:, None], boxes[None])
    assert ((table >= 0) & (table <= 1)).all()
    assert (np.diag(table) == 1).all()
    np.testing.assert_array_equal(table, table.T)


def test_iou_of_boxes():
    box = np.array([0.0, 0, 10, 10])
    assert box_iou(box, box) == 1
    assert box_iou(box, np.array([5.0, 0, 15, 10])) == pytest.approx(1 / 3)
    assert box_iou(box, np.array([10.0, 10, 20, 20])) == 0


@pytest.mark.parametrize('nothing', [np.zeros(4), np.full(4, 3.0), np.full(4, np.nan)])
def test_a_box_without_extent_overlaps_nothing_not_even_itself(nothing):
    others = np.array([nothing, [0, 0, 10, 10]])
    assert box_iou(nothing, others).tolist() == [0, 0]


def test_boxes_of_another_number_type_are_measured_alike():
    assert box_iou(np.array([0, 0, 4, 4], np.float32), np.array([0, 0, 4, 2])) == 0.5
