# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a new memory rule takes: a class and a line in the registry."""

import numpy as np
import pytest
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.tracking.memory.registry import MEMORY_RULES
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

SIZE = 128


class EveryTenth:
    """Reads the last frame and the newest one of which the number is a multiple of ten."""

    capacity = 2
    compares_candidates = False
    keeps_pointers = False

    def __init__(self, settings, layout):
        pass

    def after(self, frame, facts):
        return self

    def with_settings(self, settings):
        return self

    def keep(self, frames, newest):
        tenths = [frame for frame in frames if frame.frame % 10 == 0 and frame.frame < newest - 1]
        return (*tenths[-1:], *(frame for frame in frames if frame.frame == newest - 1))

    def read(self, frames, now):
        read = [frame for frame in frames if frame.frame % 10 == 0 or frame.frame == now - 1]
        return list(zip(read[-2:], range(len(read[-2:]) - 1, -1, -1), strict=True))

    def reads_pointer(self, facts):
        return True


@pytest.fixture
def settings(monkeypatch):
    monkeypatch.setitem(MEMORY_RULES, 'every tenth', EveryTenth)
    return TrackerSettings(memory_rule='every tenth', closer_look=False)


def test_a_new_memory_rule_decides_what_is_read(settings, scripted, disc):
    logits = disc(SIZE // 4, 10, 10, 4)
    answer = torch.stack([logits] * 3), torch.tensor([0.9, 0.8, 0.7]), 6.0
    network = scripted(SIZE, lambda frame, number: answer)
    tracker = Tracker(network, settings)
    image = np.zeros((80, 160, 3), np.uint8)
    tracker.add_prompt(Frame(image, 0), Prompt(box=[10, 10, 60, 60]))
    for number in range(1, 26):
        tracker.step(Frame(image, number * settings.frame_period))
    for number, frames in [(5, [0, 4]), (11, [0, 10]), (15, [0, 10, 14]), (25, [0, 20, 24])]:
        assert network.readings[number, 1].frames == frames
    assert network.readings[25, 1].positions == [6, 1, 0]


def test_an_unknown_memory_rule_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="one of samurai, sam2, dam, not 'every tenth'"):
        TrackerSettings(memory_rule='every tenth')
