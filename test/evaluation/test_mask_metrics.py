# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from sam_tracker.evaluation.metrics.masks import boundary, boundary_accuracy, region_similarity

MASKS = arrays(np.bool_, (9, 12))


def test_region_similarity_is_what_the_davis_toolkit_computes(made_up_masks):
    values = [region_similarity(*pair) for pair in zip(*made_up_masks, strict=True)]
    assert values == pytest.approx(
        [1.0, 0.89651531, 0.80019782, 0.71561338, 0.63908451, 0.0, 0.0, 0.22755682]
    )


def test_boundary_accuracy_is_what_the_davis_toolkit_computes(made_up_masks):
    values = [boundary_accuracy(*pair) for pair in zip(*made_up_masks, strict=True)]
    assert values == pytest.approx(
        [1.0, 0.81163453, 0.39130435, 0.24285714, 0.16053299, 0.0, 0.0, 0.0875]
    )


def test_two_empty_masks_agree():
    empty = np.zeros((4, 5), bool)
    assert region_similarity(empty, empty) == 1
    assert boundary_accuracy(empty, empty) == 1


def test_the_boundary_of_a_mask_that_fills_the_image_is_empty():
    assert not boundary(np.ones((4, 5), bool)).any()


def test_a_boundary_may_be_off_by_the_tolerance_and_not_by_more():
    truth, near, far = (np.zeros((300, 400), bool) for _ in range(3))
    truth[100:200, 100:200] = True
    near[100:200, 104:204] = True  # 0.008 of the diagonal of 500 pixels is 4
    far[100:200, 105:205] = True
    assert boundary_accuracy(near, truth) == 1
    assert boundary_accuracy(far, truth) < 1


@given(MASKS, MASKS)
def test_agreement_is_symmetric_and_between_0_and_1(first, second):
    for measure in (region_similarity, boundary_accuracy):
        value = measure(first, second)
        assert 0 <= value <= 1
        assert value == pytest.approx(measure(second, first))


@given(MASKS)
def test_a_mask_agrees_with_itself(mask):
    assert region_similarity(mask, mask) == boundary_accuracy(mask, mask) == 1


def test_masks_of_different_sizes_are_refused_by_their_shapes():
    with pytest.raises(ValueError, match=r'\(2, 3\).*\(3, 2\)'):
        region_similarity(np.ones((2, 3), bool), np.ones((3, 2), bool))
