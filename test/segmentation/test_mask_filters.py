# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import cv2
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest
import torch

from sam_tracker.core.boxes import Region, box_iou
from sam_tracker.segmentation.image_crops import image_crops, point_grid
from sam_tracker.segmentation.mask_filters import (
    distinct,
    near_inner_edge,
    stability_scores,
    without_small_parts,
)


@st.composite
def ranked_boxes(draw):
    corners = draw(
        arrays.arrays(np.int64, (draw(st.integers(0, 25)), 4), elements=st.integers(0, 12))
    )
    low = corners[:, :2].astype(np.float64)
    return np.concatenate((low, low + 1 + corners[:, 2:]), axis=1)


@given(boxes=ranked_boxes(), greatest=st.floats(0, 1))
@hypothesis_settings(deadline=None)
def test_what_is_kept_is_different_and_what_is_dropped_is_like_something_better(boxes, greatest):
    kept = distinct(boxes, greatest).tolist()
    assert kept == sorted(set(kept))
    for place, index in enumerate(kept):
        assert (box_iou(boxes[index], boxes[kept[place + 1 :]]) <= greatest).all()
    for index in set(range(len(boxes))) - set(kept):
        better = [other for other in kept if other < index]
        assert (box_iou(boxes[index], boxes[better]) > greatest).any()


@given(boxes=ranked_boxes(), greatest=st.floats(0, 1), most=st.integers(0, 6))
@hypothesis_settings(deadline=None)
def test_stopping_early_keeps_the_best(boxes, greatest, most):
    assert distinct(boxes, greatest, most).tolist() == distinct(boxes, greatest).tolist()[:most]


@given(boxes=ranked_boxes(), seed=st.integers(0, 2**32 - 1))
@hypothesis_settings(deadline=None)
def test_the_order_in_which_scored_boxes_are_found_does_not_matter(boxes, seed):
    rng = np.random.default_rng(seed)
    scores, found = rng.permutation(len(boxes)), rng.permutation(len(boxes))

    def kept(boxes, scores):
        ranked = np.argsort(-scores)
        return sorted(scores[ranked][distinct(boxes[ranked], 0.4)])

    assert kept(boxes, scores) == kept(boxes[found], scores[found])


@given(
    logits=arrays.arrays(np.float32, (3, 6, 7), elements=st.floats(-4, 4, width=32)),
    offset=st.floats(0.01, 3),
)
def test_stability_is_the_share_of_the_larger_mask_that_is_in_the_smaller(logits, offset):
    scores = stability_scores(torch.from_numpy(logits), offset).numpy()
    for mask, score in zip(logits, scores, strict=True):
        inner, outer = mask > np.float32(offset), mask > np.float32(-offset)
        expected = inner.sum() / outer.sum() if outer.any() else 0
        assert score == pytest.approx(expected)
        assert 0 <= score <= 1


masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
least_area = st.integers(0, 20)


def sizes(mask, connectivity):
    _, _, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity
    )
    return statistics[1:, cv2.CC_STAT_AREA].tolist()


@given(mask=masks, least=least_area)
@hypothesis_settings(deadline=None)
def test_after_mending_no_region_and_no_hole_is_small(mask, least):
    mask = mask.astype(np.uint8) * 255
    before = mask.copy()
    after = without_small_parts(mask, least)
    assert np.array_equal(mask, before), 'the mask given was changed'
    assert set(np.unique(after)) <= {0, 255}
    assert all(size >= least for size in sizes(after > 0, 8))
    # Around the mask everything is one; what is not reached from there is a hole.
    background = np.pad(after == 0, 1, constant_values=True).astype(np.uint8)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(background, connectivity=4)
    holes = set(range(1, len(statistics))) - {labels[0, 0]}
    assert all(statistics[hole, cv2.CC_STAT_AREA] >= least for hole in holes)


@given(mask=masks, least=least_area)
@hypothesis_settings(deadline=None)
def test_mending_twice_is_mending_once(mask, least):
    once = without_small_parts(mask.astype(np.uint8) * 255, least)
    assert np.array_equal(without_small_parts(once, least), once)


def test_a_hole_is_filled_and_a_speck_removed():
    mask = np.zeros((12, 12), np.uint8)
    mask[1:8, 1:8] = 255
    mask[3:5, 3:5] = 0
    mask[10, 10] = 255
    after = without_small_parts(mask, 5)
    assert after[1:8, 1:8].all()
    assert not after[10, 10]
    assert without_small_parts(mask, 4) is not mask and not without_small_parts(mask, 4)[3, 3], (
        'a hole of four is no hole of less'
    )


def test_a_bay_is_no_hole():
    mask = np.full((6, 6), 255, np.uint8)
    mask[0, 2] = 0
    assert without_small_parts(mask, 30) is mask


def test_a_mask_of_specks_alone_is_empty_afterwards():
    mask = np.zeros((9, 9), np.uint8)
    mask[::3, ::3] = 255
    assert not without_small_parts(mask, 2).any()
    assert without_small_parts(mask, 1) is mask
    empty = np.zeros((0, 0), np.uint8)
    assert without_small_parts(empty, 2) is empty


def test_only_edges_inside_the_image_cut_things():
    crop = Region(0, 20, 50, 30)
    boxes = np.array(
        [
            [0, 30, 10, 40],  # at the image's left border
            [10, 22, 20, 40],  # at the upper edge, which is inside
            [10, 30, 20, 50],  # at the lower edge, which is the image's
            [10, 30, 49, 40],  # at the right edge, which is inside
            [10, 30, 40, 40],
        ]
    )
    near = near_inner_edge(boxes, crop, 100, 50, np.array([2.0, 2.0]))
    assert near.tolist() == [False, True, False, True, False]


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    layers=st.integers(0, 3),
    overlap=st.floats(0, 0.9),
)
@hypothesis_settings(deadline=None)
def test_crops_of_a_layer_cover_the_image_and_stay_in_it(width, height, layers, overlap):
    crops = image_crops(width, height, layers, overlap)
    assert crops[0].region == Region(0, 0, width, height)
    for layer in range(layers + 1):
        seen = np.zeros((height, width), bool)
        mine = [crop.region for crop in crops if crop.layer == layer]
        assert len(mine) == 4**layer
        assert len({(region.width, region.height) for region in mine}) == 1
        for region in mine:
            assert region.width > 0 and region.height > 0
            assert region.x >= 0 and region.y >= 0
            assert region.x + region.width <= width and region.y + region.height <= height
            seen[region.slices] = True
        assert seen.all()


def test_neighbouring_crops_share_what_was_asked_for():
    first, second = (crop.region for crop in image_crops(600, 400, 1, 0.25)[1:3])
    assert first.y == second.y == 0
    assert first.x + first.width - second.x == 100
    assert image_crops(600, 400, 1, 0.25)[3].region.y == 150


def test_points_lie_in_the_middle_of_their_share():
    assert point_grid(40, 20, 2).tolist() == [[10, 5], [30, 5], [10, 15], [30, 15]]
