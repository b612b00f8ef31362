# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from sam_tracker.training.objective import dice_loss, entropy_loss, focal_loss
from sam_tracker.training.rollout import candidate_iou, small_truth

SIDE = 16


def square(left=4, top=4, side=6):
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, top : top + side, left : left + side] = 1
    return mask


LOSSES = [focal_loss, dice_loss, lambda l, t: entropy_loss(l, t, 0.0)]


@pytest.mark.parametrize('loss', LOSSES, ids=['focal', 'dice', 'entropy'])
def test_a_better_mask_costs_less(loss):
    truth = square()
    right, shifted, inverted = (20 * (m - 0.5) for m in (truth, square(left=6), 1 - truth))
    assert loss(right, truth) < loss(shifted, truth) < loss(inverted, truth)
    assert loss(right, truth) < 0.01


def test_with_balance_a_missed_object_costs_alike_whether_small_or_large():
    nothing = torch.full((1, SIDE, SIDE), -4.0)
    small, large = square(side=2), square(side=12)
    assert entropy_loss(nothing, large, 0.0) > 10 * entropy_loss(nothing, small, 0.0)
    torch.testing.assert_close(
        entropy_loss(nothing, large, 1.0), entropy_loss(nothing, small, 1.0)
    )


def test_the_focal_loss_agrees_with_its_formula_for_sure_pixels():
    logits = torch.tensor([[[1.5, -0.5]]])
    target = torch.tensor([[[1.0, 0.0]]])
    p = logits.sigmoid()
    expected = torch.stack(
        [
            -0.25 * (1 - p[0, 0, 0]) ** 2 * p[0, 0, 0].log(),
            -0.75 * p[0, 0, 1] ** 2 * (1 - p[0, 0, 1]).log(),
        ]
    ).mean()
    torch.testing.assert_close(focal_loss(logits, target)[0], expected)


def test_the_small_truth_is_the_share_of_covered_pixels():
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, :4, :4] = True
    mask[0, 4:6, 4:8] = True
    torch.testing.assert_close(small_truth(mask), torch.tensor([[[1.0, 0.0], [0.0, 0.5]]]))


def test_iou_is_one_for_the_truth_and_counts_pixels_otherwise():
    truth = square(side=4)
    candidates = torch.stack([truth - 0.5, square(left=6, side=4) - 0.5, -truth - 1], dim=1)
    iou = candidate_iou(candidates, truth)
    torch.testing.assert_close(iou, torch.tensor([[1.0, 8 / 24, 0.0]]))
