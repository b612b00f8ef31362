# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Cost of several cameras on one network, in one process.

    python benchmark/cameras.py --network nano --cameras 4

Each camera has a thread and a tracker with one object, as in `cameras_node`, and all cameras send
an image at the same moment. A round is over when every camera has its tracks. Printed are wall and
processor time of a round, with images encoded in batches and one by one, and both as multiples of
one camera alone; and the same of the image encoder alone, for one image and a batch of all, which
is the least that a round can take.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
import statistics
import time

import numpy as np
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.shared_encoding import shared_by_threads
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.generated import generate_clip

WARM_UP = 3
BUNDLED = ('nano', 'mobile')


def network_of(name: str, image_size: int | None) -> VideoNetwork:
    """Return a network; all but the bundled ones have random weights, which cost the same."""
    if name in BUNDLED:
        return load_network(name, image_size)
    network = build_network(name, image_size)
    assert isinstance(network, VideoNetwork)
    return network


def round_times(network: VideoNetwork, cameras: int, rounds: int) -> tuple[float, float]:
    """Return the median wall and processor time of a round, in ms."""
    clip = generate_clip(seed=1, frames=8, size=256, difficulty=0.3)
    rows, columns = np.nonzero(clip.masks[0] == 1)
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)
    trackers = [Tracker(network) for _ in range(cameras)]
    for tracker in trackers:
        tracker.add_prompt(Frame(clip.frames[0], 0), Prompt(box=box))
    wall, processor = [], []
    with ThreadPoolExecutor(cameras) as pool:
        for index in range(1, rounds + WARM_UP + 1):
            frame = Frame(clip.frames[index % len(clip.frames)], index * SECOND // 30)
            start = time.perf_counter(), time.process_time()
            for tracks in pool.map(lambda tracker, now=frame: tracker.step(now), trackers):
                assert len(tracks) == 1
            if index > WARM_UP:
                wall.append(time.perf_counter() - start[0])
                processor.append(time.process_time() - start[1])
    return 1000 * statistics.median(wall), 1000 * statistics.median(processor)


def encoder_times(network: VideoNetwork, cameras: int, rounds: int) -> list[tuple[float, float]]:
    """Return the median wall and processor time of encoding one image and a batch, in ms."""
    batches = [torch.zeros(count, 3, *[network.image_size] * 2) for count in (1, cameras)]
    taken: list[list[tuple[float, float]]] = [[], []]
    with torch.inference_mode():
        for _ in range(rounds + WARM_UP):
            for images, times in zip(batches, taken, strict=True):
                start = time.perf_counter(), time.process_time()
                network.encode_image(images.to(network.device))
                times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    medians = [np.median(times[WARM_UP:], axis=0) * 1000 for times in taken]
    return [(float(wall), float(processor)) for wall, processor in medians]


def show(name: str, times: tuple[float, float], alone: tuple[float, float]) -> None:
    """Print both times, and what multiples of others they are."""
    multiples = [now / once for now, once in zip(times, alone, strict=True)]
    print(
        f'{name:30} {times[0]:8.1f} {times[1]:10.1f}'
        f'   {multiples[0]:.2f}, {multiples[1]:.2f} times'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description='Several cameras on one network.')
    parser.add_argument('--network', default='nano')
    parser.add_argument('--image-size', type=int)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--cameras', type=int, default=4)
    parser.add_argument('--threads', type=int, default=1, help='of torch, for each camera')
    parser.add_argument('--rounds', type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    runtime = choose_runtime(options.device)
    network = runtime.place(network_of(options.network, options.image_size))
    print(f'{network.name} at {network.image_size} px on {runtime.device}, ms for a round')
    print(f'{"":30} {"wall":>8} {"processor":>10}')
    alone = round_times(network, 1, options.rounds)
    print(f'{"one camera":30} {alone[0]:8.1f} {alone[1]:10.1f}')
    for title, used in (('one by one', network), ('in batches', shared_by_threads(network))):
        times = round_times(used, options.cameras, options.rounds)
        show(f'{options.cameras} cameras, {title}', times, alone)
    one, batch = encoder_times(network, options.cameras, options.rounds)
    print(f'{"encoder, one image":30} {one[0]:8.1f} {one[1]:10.1f}')
    show(f'encoder, a batch of {options.cameras}', batch, one)


if __name__ == '__main__':
    main()
