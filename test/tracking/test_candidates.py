# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured on candidate masks."""

import numpy as np
import pytest
import torch

from sam_tracker.networks.api import MaskCandidates
from sam_tracker.tracking.candidates import measure


def candidates(logits, object_logits):
    objects, count = logits.shape[:2]
    iou = torch.rand(objects, count, generator=torch.Generator().manual_seed(0))
    return MaskCandidates(logits, iou, torch.zeros(objects, count, 2), object_logits)


def test_candidates_are_measured_at_the_networks_resolution():
    logits = torch.full((2, 3, 8, 8), -4.0)
    logits[0, 1, 2:4, 5:7] = 4.0
    given = candidates(logits, torch.tensor([1.5, -2]))
    _, measured = measure(given, -3.0, 32, batch=1, intersecting=False)
    resized = torch.nn.functional.interpolate(logits[:1], size=(32, 32), mode='bilinear')
    rows, columns = np.nonzero((resized[0, 1] > 0).numpy())
    assert measured.boxes[0, 1].tolist() == [columns.min(), rows.min(), columns.max(), rows.max()]
    assert measured.bounds[0, 1].tolist() == [5, 2, 6, 3]
    assert not measured.boxes[1].any()
    assert measured.object_logits.tolist() == [1.5, -2]
    assert measured.intersections is None


def test_masks_of_absent_objects_are_emptied():
    given = candidates(torch.full((2, 3, 8, 8), 4.0), torch.tensor([0.5, -0.5]))
    emptied, measured = measure(given, 0.0, 32, batch=1, intersecting=False)
    assert (emptied.mask_logits[0] == 4).all()
    assert (emptied.mask_logits[1] < 0).all()
    assert not measured.boxes[1].any()


@pytest.mark.parametrize('batch', [1, 2, 16])
def test_measuring_in_turns_changes_nothing(batch):
    random = torch.Generator().manual_seed(3)
    coarse = torch.randn((15, 1, 4, 4), generator=random) - 1.0
    logits = torch.nn.functional.interpolate(coarse, size=(16, 16), mode='bilinear')
    given = candidates(logits.reshape(5, 3, 16, 16), torch.ones(5))
    (_, whole), (_, parts) = (measure(given, 0.0, 64, size, True) for size in (5, batch))
    np.testing.assert_array_equal(whole.boxes, parts.boxes)
    np.testing.assert_array_equal(whole.intersections, parts.intersections)
