# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time that the rules of the default mode and verification add to a frame in mode ``samurai``.

    python benchmark/rules.py --checkpoint mobile

Boxes are tracked on an image that moves, in both modes by turns. Thresholds have every frame
remembered, so that both read as many memories, and every mask doubtful, so that verification takes
as much time as it ever can. Printed are medians of processor time; for verification, which not
every frame has, the mean.
"""

import argparse
from dataclasses import replace
import math
import statistics
import time

from network import grid_of_boxes, moving_pattern
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

FULL_MEMORY = 30
"""Frames after which the memory of both modes is full."""


class Timed:
    """A tracker of boxes whose processor time is recorded, in milliseconds."""

    def __init__(
        self, network: VideoNetwork, settings: TrackerSettings, first: Frame, objects: int
    ) -> None:
        self._tracker = Tracker(network, settings)
        self.frames: list[float] = []
        self.verifications: list[float] = []
        """Time of the verification of each frame; 0 where none was due."""
        for box in grid_of_boxes(objects):
            self._tracker.add_prompt(first, Prompt(box=box))

    def change(self, settings: TrackerSettings) -> None:
        self._tracker.change(settings)

    def step(self, frame: Frame) -> None:
        start = time.process_time()
        self._tracker.step(frame)
        tracked = time.process_time()
        self._tracker.verify()
        self.frames.append(1000 * (tracked - start))
        self.verifications.append(1000 * (time.process_time() - tracked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--checkpoint', default='mobile')
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 8])
    parser.add_argument('--frames', type=int, default=30, help='to measure, with full memory')
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(options.checkpoint)
    settings = TrackerSettings.for_network(network.suited_settings)
    # What the masks of a pattern show means nothing: all are seen, and good enough to remember.
    settings = replace(
        settings,
        presence_logit=-100.0,
        familiarity=-1.0,
        certain_familiarity=-1.0,
        memory_affinity=0.0,
        memory_object_logit=-100.0,
        memory_motion_score=-1.0,
        memory_growth=math.inf,
        closer_look=False,
    )
    doubting = replace(settings, certain_familiarity=1.0)
    clip = moving_pattern(FULL_MEMORY + options.frames)
    print('objects  samurai [ms]  default [ms]  verification [ms]  added share')
    for objects in options.objects:
        first = Frame(clip[0], 0)
        plain = Timed(network, settings.in_mode('samurai'), first, objects)
        ours = Timed(network, settings, first, objects)
        for number, pixels in enumerate(clip[1:], 1):
            if number == FULL_MEMORY:
                ours.change(doubting)
            for each in (plain, ours):
                each.step(Frame(pixels, number * settings.frame_period))
        before, after = (statistics.median(each.frames[FULL_MEMORY:]) for each in (plain, ours))
        verifying = statistics.mean(ours.verifications[FULL_MEMORY:])
        added = (after + verifying) / before - 1
        print(f'{objects:7}  {before:12.1f}  {after:12.1f}  {verifying:17.1f}  {added:11.3f}')


if __name__ == '__main__':
    main()
