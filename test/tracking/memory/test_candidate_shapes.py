# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from sam_tracker.tracking.memory.candidate_shapes import CandidateShapes, packed_shapes


def shapes(masks, chosen=0, cell_area=1.0):
    """Pack masks [C, s, s] as the tracker does, on the device and through floats."""
    logits = torch.from_numpy(np.where(masks, 3.0, -3.0))[None]
    packed = packed_shapes(logits)[0].numpy().astype(np.uint16)
    return CandidateShapes(packed, chosen, cell_area)


def rectangle(side, x_min, y_min, x_max, y_max):
    mask = np.zeros((side, side), bool)
    mask[y_min:y_max, x_min:x_max] = True
    return mask


def box(mask):
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def iou(one, other):
    """IoU of two boxes, counted cell by cell."""
    grid = np.zeros((2, 64, 64), bool)
    for cells, (x_min, y_min, x_max, y_max) in zip(grid, (one, other), strict=True):
        cells[y_min:y_max, x_min:x_max] = True
    return (grid[0] & grid[1]).sum() / (grid[0] | grid[1]).sum()


def parts(mask):
    """Yield the 8-connected parts of a mask, by flooding it."""
    left = {tuple(cell) for cell in np.argwhere(mask)}
    while left:
        part, edge = set(), {min(left)}
        while edge:
            left -= edge
            part |= edge
            edge = {
                (row + down, column + right)
                for row, column in edge
                for down in (-1, 0, 1)
                for right in (-1, 0, 1)
            } & left
        yield part


def plain_agreement(masks, chosen):
    """The rule as it is written, on whole masks."""
    if not masks[chosen].any():
        return 1.0
    least = 1.0
    for index, mask in enumerate(masks):
        outside = list(parts(mask & ~masks[chosen]))
        if index == chosen or not outside:
            continue
        # Of equal parts the first in reading order counts.
        largest = max(outside, key=lambda part: (len(part), *(-edge for edge in min(part))))
        union = masks[chosen].copy()
        union[tuple(np.array(sorted(largest)).T)] = True
        least = min(least, iou(box(masks[chosen]), box(union)))
    return least


@given(
    seed=st.integers(0, 10**6), side=st.sampled_from([5, 8, 16, 17]), share=st.floats(0.05, 0.6)
)
@hypothesis_settings(deadline=None, max_examples=100)
def test_the_packed_shapes_say_what_whole_masks_say(seed, side, share):
    random = np.random.default_rng(seed)
    masks = random.random((3, side, side)) < share
    for chosen in range(3):
        packed = shapes(masks, chosen, cell_area=2.5)
        assert packed.area == 2.5 * masks[chosen].sum()
        # Which of equally large parts counts is not defined; the least of all is then skipped.
        sizes = [sorted(map(len, parts(mask & ~masks[chosen]))) for mask in masks]
        if all(len(each) < 2 or each[-1] > each[-2] for each in sizes):
            assert packed.box_agreement == pytest.approx(plain_agreement(masks, chosen))


def test_a_look_alike_beside_the_object_lowers_the_agreement():
    own, other = rectangle(64, 10, 10, 20, 20), rectangle(64, 30, 10, 40, 20)
    assert shapes(np.stack([own, own | other, own])).box_agreement == pytest.approx(1 / 3)


def test_only_the_largest_part_outside_counts():
    own, speck, near = (
        rectangle(64, 10, 10, 20, 20),
        rectangle(64, 60, 60, 61, 61),
        rectangle(64, 20, 10, 22, 20),
    )
    found = shapes(np.stack([own, own | speck | near, own])).box_agreement
    assert found == pytest.approx(10 / 12)


def test_a_candidate_within_the_object_changes_nothing():
    own, part = rectangle(64, 10, 10, 40, 40), rectangle(64, 12, 12, 20, 20)
    assert shapes(np.stack([own, part, own])).box_agreement == 1.0


def test_an_empty_mask_has_no_distractor():
    other = rectangle(64, 10, 10, 40, 40)
    found = shapes(np.stack([np.zeros_like(other), other, other]))
    assert (found.area, found.box_agreement) == (0.0, 1.0)


def test_a_single_candidate_has_no_distractor():
    assert shapes(rectangle(64, 10, 10, 40, 40)[None]).box_agreement == 1.0
