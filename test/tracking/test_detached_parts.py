# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a mask that lie apart from its object."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
from scipy import ndimage

from sam_tracker.tracking.detached_parts import detached_parts

SIDE = 12
EVERYWHERE = np.array([0.0, 0.0, SIDE, SIDE])


def cells(*slices):
    mask = np.zeros((SIDE, SIDE), bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


OBJECT, PART = (slice(1, 5), slice(1, 5)), (slice(8, 10), slice(9, 11))


def test_a_part_beside_the_object_is_detached():
    found = detached_parts(cells(OBJECT, PART), np.array([0.0, 0.0, 6.0, 6.0]))
    assert np.array_equal(found, cells(PART))


def test_a_part_that_reaches_where_the_object_is_expected_is_not():
    # The centre of the cell in row 8 and column 9 lies at 9.5, 8.5.
    assert detached_parts(cells(OBJECT, PART), np.array([0.0, 0.0, 9.6, 8.6])) is None
    assert detached_parts(cells(OBJECT, PART), np.array([0.0, 0.0, 9.4, 8.6])) is not None


def test_the_largest_part_stays_wherever_it_lies():
    found = detached_parts(cells(OBJECT, PART), np.array([8.0, 8.0, 12.0, 12.0]))
    assert found is None
    found = detached_parts(cells(OBJECT, PART), np.array([6.0, 0.0, 7.0, 1.0]))
    assert np.array_equal(found, cells(PART))


def test_parts_that_touch_at_a_corner_are_one():
    corner = (slice(5, 6), slice(5, 6))
    assert detached_parts(cells(OBJECT, corner), np.array([0.0, 0.0, 5.0, 5.0])) is None


@given(
    arrays(bool, (SIDE, SIDE)),
    st.lists(st.floats(-5, SIDE + 5), min_size=4, max_size=4),
)
def test_whole_parts_are_dropped_and_none_that_can_be_the_object(mask, numbers):
    x, right = sorted(numbers[:2])
    y, bottom = sorted(numbers[2:])
    found = detached_parts(mask, np.array([x, y, right, bottom]))
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    dropped = (
        np.zeros(count, bool)
        if found is None
        else np.array([found[labels == number].all() for number in range(1, count + 1)])
    )
    centres = np.arange(SIDE) + 0.5
    expected = np.outer((centres > y) & (centres < bottom), (centres > x) & (centres < right))
    for number in range(1, count + 1):
        part = labels == number
        if found is not None:
            assert found[part].all() == found[part].any()
        reaches = bool(expected[part].any())
        if dropped[number - 1]:
            assert not reaches
        elif not reaches:
            assert sizes[number - 1] == sizes.max()
    if count:
        assert not dropped.all()
        assert np.count_nonzero(~dropped) >= 1
    assert found is None or not found[~mask].any()
