# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time to verify a doubtful mask, beside that of a frame.

    python benchmark/verification.py --checkpoint mobile

Boxes are tracked on an image that moves, and every mask is made doubtful by the thresholds, so
that verification takes as much time as it ever can. Printed are medians of processor time, and the
share that verification adds.
"""

import argparse
from dataclasses import replace
import statistics
import time

import numpy as np
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

WIDTH, HEIGHT = 640, 480
FULL_MEMORY = 17


def measure(tracker: Tracker, clip: np.ndarray, objects: int) -> tuple[float, float, int]:
    """Return ms of a frame, the median; ms of all verifications; and their number."""
    period, settings = tracker.settings.frame_period, tracker.settings
    tracker.change(replace(settings, certain_familiarity=-1.0))
    for number in range(objects):
        x, y = 40 + 140 * (number % 4), 20 + 220 * (number // 4)
        tracker.add_prompt(Frame(clip[0], 0), Prompt(box=[x, y, x + 100, y + 160]))
    frames, verifications, count = [], [], 0
    for number, pixels in enumerate(clip[1:], 1):
        if number == FULL_MEMORY:
            tracker.change(settings)
        start = time.process_time()
        tracker.step(Frame(pixels, number * period))
        tracked = time.process_time()
        count += tracker.doubtful
        tracker.verify()
        if number >= FULL_MEMORY:
            frames.append(tracked - start)
            verifications.append(time.process_time() - tracked)
    tracker.reset()
    return 1000 * statistics.median(frames), 1000 * sum(verifications), count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--checkpoint', default='mobile')
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 8])
    parser.add_argument('--frames', type=int, default=30, help='to measure, with full memory')
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(options.checkpoint)
    ground = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    image = np.kron(ground, np.ones((8, 8, 1), np.uint8))
    clip = np.stack([np.roll(image, 2 * n, axis=1) for n in range(FULL_MEMORY + options.frames)])
    settings = TrackerSettings.for_network(network.suited_settings)
    settings = replace(settings, presence_logit=-100.0, closer_look=False, familiarity=-1.0)
    print('objects  frame [ms]  one verification [ms]  verifications a frame  added share')
    for objects in options.objects:
        tracker = Tracker(network, replace(settings, certain_familiarity=1.0))
        frame, verifying, count = measure(tracker, clip, objects)
        print(
            f'{objects:7}  {frame:10.1f}  {verifying / max(count, 1):21.1f}'
            f'  {count / options.frames:21.2f}  {verifying / options.frames / frame:11.3f}'
        )


if __name__ == '__main__':
    main()
