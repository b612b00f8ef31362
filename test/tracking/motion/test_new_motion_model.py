# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a new motion model takes: a class and a line in the registry."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.motion.api import MotionModel
from sam_tracker.tracking.motion.registry import MOTION_MODELS
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

SIZE = 128
CLICK = Prompt(points=[[30, 30]], labels=[1])


@dataclass(frozen=True)
class FixedInTheScene:
    """An object that does not move; its box in the image moves with the camera."""

    box: Box
    velocity = np.zeros(2)
    mahalanobis_distance = 0.0

    def predict(self, _steps, camera_motion):
        if camera_motion is None:
            return self
        corners = np.column_stack((self.box.reshape(2, 2), np.ones(2))) @ camera_motion.T
        return FixedInTheScene((corners[:, :2] / corners[:, 2:]).ravel())

    def scores(self, boxes):
        return box_iou(self.box, boxes)

    def update(self, box):
        return FixedInTheScene(box)


@pytest.fixture
def fixed(monkeypatch):
    monkeypatch.setitem(MOTION_MODELS, 'fixed', MotionModel(FixedInTheScene))
    return TrackerSettings(motion_model='fixed', stable_frames=3, closer_look=False)


def test_a_new_motion_model_predicts_and_scores(fixed, scripted, disc):
    def script(frame, _):
        logits = disc(SIZE // 4, 10, 10, 4)
        return torch.stack([logits, logits, logits]), torch.tensor([0.9, 0.8, 0.7]), 6.0

    tracker = Tracker(scripted(SIZE, script), fixed)
    image = np.zeros((80, 160, 3), np.uint8)
    tracker.add_prompt(Frame(image, 0), CLICK)
    for number in range(1, 6):
        (track,) = tracker.step(Frame(image, number * fixed.frame_period))
    np.testing.assert_array_equal(track.predicted_box, track.network_box)
    assert track.velocity == (0, 0)
    assert track.motion_score == 1


def test_a_motion_model_is_told_how_the_camera_moved(fixed, scripted, disc):
    def script(frame, _):
        # The camera turns to the left: the object moves 2 cells of the mask a frame to the right.
        logits = disc(SIZE // 4, 6 + 2 * frame, 10, 4)
        return torch.stack([logits, logits, logits]), torch.tensor([0.9, 0.8, 0.7]), 6.0

    tracker = Tracker(scripted(SIZE, script), fixed)
    image = np.zeros((80, 160, 3), np.uint8)
    # An image pixel is SIZE / 160 of a network pixel wide, a cell of the mask 4 network pixels.
    motion = np.array([[1, 0, 2 * 4 * 160 / SIZE], [0, 1, 0], [0, 0, 1]])
    tracker.add_prompt(Frame(image, 0), CLICK)
    for number in range(1, 6):
        (track,) = tracker.step(Frame(image, number * fixed.frame_period, motion))
    np.testing.assert_allclose(track.predicted_box, track.network_box, atol=1e-6)
    assert track.motion_score == pytest.approx(1)
