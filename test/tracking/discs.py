# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Frames without content and moving discs, which a scripted network shows on them."""

import numpy as np

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.settings import TrackerSettings

SIZE = 128
SIDE = SIZE // 4
WIDTH, HEIGHT = 320, 160
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
SETTINGS = TrackerSettings(closer_look=False)
PERIOD = SETTINGS.frame_period
BOX = Prompt(box=[10, 10, 60, 60])
CLICK = Prompt(points=[[55, 52]], labels=[1])


def apart(frame, number):
    """Objects in a row, standing still."""
    return 4 + 8 * (number - 1), 10, 3


def walking(frame, number):
    return 3 + 0.5 * frame, 10, 3


def at(stamp):
    return Frame(IMAGE, stamp)


def run(tracker, frames, first=1):
    return [tracker.step(at(number * PERIOD)) for number in range(first, first + frames)]
