# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The best of many candidates."""

import numpy as np

from sam_tracker.segmentation.mask_candidate import MaskCandidate, most_confident


def candidate(predicted_iou: float) -> MaskCandidate:
    return MaskCandidate((64, 48), None, np.zeros((0, 0), np.uint8), predicted_iou, 0.5, None)


def test_the_surest_candidates_stay_in_the_order_they_had():
    candidates = [candidate(iou) for iou in (0.2, 0.9, 0.1, 0.8)]
    assert [each.predicted_iou for each in most_confident(candidates, 2)] == [0.9, 0.8]
    assert [each.predicted_iou for each in most_confident(candidates, 3)] == [0.2, 0.9, 0.8]
    assert most_confident(candidates, 0) == candidates
    assert most_confident(candidates, 5) == candidates
