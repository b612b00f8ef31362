# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Made-up results that the published toolkits were run on as well.

The figures that the tests expect of them were computed once with visionml/pytracking at 7eb9e74
and yangchris11/samurai at 76ba195 (calc_seq_err_robust), got-10k/toolkit at 956e728 (rect_iou,
center_error), davisvideochallenge/davis2017-evaluation at ac7c43f (db_eval_iou,
db_eval_boundary) and facebookresearch/sam2 at 2b90b9f (sav_dataset, Evaluator).
"""

import numpy as np
import pytest
import torch

from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network


def from_size(rows):
    """Turn rows of x, y, width, height into x_min, y_min, x_max, y_max."""
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)


@pytest.fixture
def made_up_boxes():
    """Predicted and true boxes [40, 4] and visibility: it drifts, vanishes and jumps away."""
    t = np.arange(40.0)
    truth = np.stack(
        [30 + 4 * t, 40 + 10 * np.sin(t / 5), 30 + t / 2, 24 + 5 * np.cos(t / 7)], axis=1
    )
    drift = np.stack([3 * np.sin(t / 3), 0.4 * t, 4 * np.sin(t / 4), -0.3 * t], axis=1)
    predicted = truth + drift
    predicted[12:15] = 0
    predicted[30:33, 0] += 60
    visible = np.ones(40, bool)
    visible[20:26] = False
    predicted = from_size(predicted)
    predicted[12:15] = np.nan  # what the toolkits were given as boxes of zeros
    return predicted, from_size(truth), visible


@pytest.fixture
def made_up_masks():
    """Predicted and true masks [8, 60, 90]: too slow, lost once, absent once, at the border."""
    y, x = np.mgrid[:60, :90]
    truth = np.stack([(x - 30 - 4 * t) ** 2 / 400 + (y - 30) ** 2 / 200 < 1 for t in range(8)])
    predicted = np.stack(
        [(x - 30 - 3 * t) ** 2 / (400 + 20 * t) + (y - 30 - t) ** 2 / 200 < 1 for t in range(8)]
    )
    predicted[5] = False
    truth[6] = False
    truth[7, :, :40] = True
    return predicted, truth


@pytest.fixture(scope='session')
def random_checkpoint(tmp_path_factory):
    """Path of a file with random weights of the smallest network."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('weights') / 'random.pt'
    torch.save({'model': Sam2Network(configuration_named('nano')).state_dict()}, path)
    return str(path)
