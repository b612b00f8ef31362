# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What an answer may hold."""

import numpy as np
import pytest
import torch

from sam_tracker.core.boxes import Region
from sam_tracker.nodes.segmenter.answer_budget import AnswerBudget, AnswerTooLargeError
from sam_tracker.segmentation.mask_candidate import MaskCandidate


def candidate(side: int, predicted_iou: float = 0.5) -> MaskCandidate:
    return MaskCandidate(
        image_size=(1000, 1000),
        region=Region(0, 0, side, side),
        mask_crop=np.full((side, side), 255, np.uint8),
        predicted_iou=predicted_iou,
        stability_score=1.0,
        logits=torch.zeros(4, 4),
    )


def test_masks_up_to_the_bound_stay_and_one_pixel_more_is_refused_with_both_sizes():
    budget = AnswerBudget(0, megabytes=1)
    assert len(budget.keep([candidate(1000)])) == 1
    with pytest.raises(AnswerTooLargeError, match=r'2 candidates take 1\.0 MB; .* 1 MB'):
        budget.keep([candidate(1000), candidate(1)])


def test_only_the_candidates_of_the_answer_count():
    budget = AnswerBudget(1, megabytes=1)
    best = candidate(900, 0.9)
    (kept,) = budget.keep([candidate(900, 0.1), best])
    assert kept.predicted_iou == 0.9


def test_logits_are_not_held_for_the_answer():
    (kept,) = AnswerBudget(0, megabytes=1).keep([candidate(10)])
    assert kept.logits is None
