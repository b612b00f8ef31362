# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The training loss: mask, predicted IoU and presence, at the resolution of decoded masks."""

from dataclasses import dataclass

import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.training.batches import Batch
from sam_tracker.training.rollout import Answer, Rollout, candidate_iou, small_truth

FOCAL_WEIGHT = 10.0
ENTROPY_WEIGHT = 2.0
DICE_WEIGHT = 1.0
IOU_WEIGHT = 1.0
PRESENCE_WEIGHT = 1.0
ABSENCE_WEIGHT = 3.0
"""Weight of frames without the object, which are rarer: about one in twelve."""
SCALE_WEIGHT = 0.1

FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2
ALL_CANDIDATES_SHARE = 0.25
"""Share of the mask loss that all three candidates get; the rest is of the best one only."""
LARGEST_MEAN_SQUARE = 1.5
"""Mean square of the image embedding above which it is penalised, as it then dominates."""


@dataclass(frozen=True)
class Loss:
    """The total, and its parts for the log."""

    total: Tensor
    mask: Tensor
    iou: Tensor
    presence: Tensor


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """
    Return the focal loss, averaged over the last two dimensions (arXiv 1708.02002).

    :param target: in [0, 1]; for shares in between it is the quality focal loss
        (arXiv 2006.04388).
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    miss = (logits.sigmoid() - target).abs() ** FOCAL_GAMMA
    balance = FOCAL_ALPHA * target + (1 - FOCAL_ALPHA) * (1 - target)
    return (balance * miss * entropy).mean((-2, -1))


def entropy_loss(logits: Tensor, target: Tensor, balance: float) -> Tensor:
    """
    Return the binary cross entropy, averaged over the last two dimensions.

    :param balance: share in which object and background weigh alike however large they are.
        Otherwise an untrained network first learns to predict empty masks, which costs minutes.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    plain = entropy.mean((-2, -1))
    if balance == 0:
        return plain
    inside = (entropy * target).sum((-2, -1)) / target.sum((-2, -1)).clamp_min(1)
    rest = 1 - target
    outside = (entropy * rest).sum((-2, -1)) / rest.sum((-2, -1)).clamp_min(1)
    return (1 - balance) * plain + balance * 0.5 * (inside + outside)


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return one minus the soft Dice coefficient over the last two dimensions."""
    probability = logits.sigmoid()
    both = (probability * target).sum((-2, -1))
    sizes = probability.sum((-2, -1)) + target.sum((-2, -1))
    return 1 - (2 * both + 1) / (sizes + 1)


def _answer_loss(
    answer: Answer, truth: Tensor, there: Tensor, balance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return the mask, IoU and presence losses of one answer.

    :param truth: [O, h, w] covered shares.
    :param there: [O] float, 1 where the object is seen.
    """
    candidates = answer.candidates
    logits = candidates.mask_logits.float()
    target = truth[:, None].expand_as(logits)
    mask = (
        (1 - balance) * FOCAL_WEIGHT * focal_loss(logits, target)
        + ENTROPY_WEIGHT * entropy_loss(logits, target, balance)
        + DICE_WEIGHT * dice_loss(logits, target)
    )
    best = mask.amin(1)
    mask = (1 - ALL_CANDIDATES_SHARE) * best + ALL_CANDIDATES_SHARE * mask.mean(1)
    with torch.no_grad():
        achieved = candidate_iou(logits, truth)
    iou = (candidates.predicted_iou.float() - achieved).abs().mean(1)
    count = there.sum().clamp_min(1)
    presence = F.binary_cross_entropy_with_logits(
        candidates.object_logit.float(), there, weight=there + ABSENCE_WEIGHT * (1 - there)
    )
    return (mask * there).sum() / count, (iou * there).sum() / count, presence


def loss_of(rollout: Rollout, batch: Batch, balance: float) -> Loss:
    """Return the loss of a rollout, averaged over its answers; `balance` as in `entropy_loss`."""
    zero = torch.zeros((), device=batch.masks.device)
    mask, iou, presence = zero, zero, zero
    for answer in rollout.answers:
        truth = small_truth(batch.masks[answer.frame])
        there = batch.masks[answer.frame].flatten(1).any(1).float()
        parts = _answer_loss(answer, truth, there, balance)
        mask, iou, presence = mask + parts[0], iou + parts[1], presence + parts[2]
    count = len(rollout.answers)
    mask, iou, presence = mask / count, iou / count, presence / count
    mean_square = rollout.embedding.float().square().mean()
    excess = F.relu((mean_square / LARGEST_MEAN_SQUARE).log())
    total = mask + IOU_WEIGHT * iou + PRESENCE_WEIGHT * presence + SCALE_WEIGHT * excess
    return Loss(total, mask.detach(), iou.detach(), presence.detach())


@torch.no_grad()
def scores(rollout: Rollout, batch: Batch) -> dict[str, float]:
    """
    Return the scores of a batch for the log.

    `j0`: mean IoU on the first frame; `j1`, `j_last`: one frame after and on the last; `copy`:
    what leaving the first frame's true mask in place would score on the last; `presence`:
    balanced accuracy, where the batch has both kinds.
    """
    truth = small_truth(batch.masks)
    seen = batch.masks.flatten(2).any(2)
    last = len(truth) - 1

    def mean_iou(logits: Tensor, frame: int) -> float:
        where = seen[frame]
        iou = candidate_iou(logits[:, None], truth[frame])[:, 0]
        return float(iou[where].mean()) if bool(where.any()) else float('nan')

    result = {'j0': mean_iou(rollout.mask_logits[0], 0)}
    if last:
        result['j1'] = mean_iou(rollout.mask_logits[1], 1)
        result['j_last'] = mean_iou(rollout.mask_logits[last], last)
        result['copy'] = mean_iou(truth[0] - 0.5, last)
        present = torch.stack(rollout.present[1:]).flatten()
        there = seen[1:].flatten()
        if bool(there.any()) and not bool(there.all()):
            hits, rejections = present[there].float().mean(), (~present[~there]).float().mean()
            result['presence'] = float(hits + rejections) / 2
    return result
