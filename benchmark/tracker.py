# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time per frame with 1 to 16 objects, beside Meta's sam2.

    python benchmark/tracker.py --network tiny --image-size 256

Both run the same random weights on the same frames, one after the other for each number of
objects, with full memories, and both compute every mask at the resolution of the image. sam2
(PyPI; skipped where it is not installed) gets all frames in advance and processes objects one by
one; the tracker gets one frame at a time and processes them in one batch. sam2 neither reads nor
stores frames here: its time is that of its network and its own state.
"""

import argparse
from collections.abc import Callable, Iterator
import functools
import statistics
import time

from network import HEIGHT, WIDTH, grid_of_boxes, moving_pattern, sam2_predictor
import numpy as np
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

FULL_MEMORY = 17


def ours(network: Sam2Network, clip: np.ndarray, objects: int, plain: bool) -> Iterator[None]:
    """Track a clip, frame after frame."""
    settings = TrackerSettings()
    settings = settings.in_mode('sam2') if plain else settings
    tracker = Tracker(network, settings)
    for box in grid_of_boxes(objects):
        tracker.add_prompt(Frame(clip[0], 0), Prompt(box=box))
    for number, frame in enumerate(clip[1:], 1):
        for track in tracker.step(Frame(frame, number * settings.frame_period)):
            _ = track.mask
        yield


def sam2(predictor: torch.nn.Module, images: torch.Tensor, objects: int) -> Iterator[None]:
    """Track the same clip with sam2."""
    import sam2.sam2_video_predictor as module

    module.load_video_frames = lambda **_: (images, HEIGHT, WIDTH)
    # Its progress bar would count in the times.
    module.tqdm = lambda iterable, **_: iterable
    state = predictor.init_state('')
    for number, box in enumerate(grid_of_boxes(objects), 1):
        predictor.add_new_points_or_box(state, 0, number, box=box)
    for frame, _, logits in predictor.propagate_in_video(state):
        if frame:
            _ = (logits > 0).cpu().numpy()
            yield


def paces(
    run: Callable[[], Iterator[None]], device: torch.device, clock: Callable[[], float]
) -> list[float]:
    """Return milliseconds for each frame with full memory."""
    times, last = [], clock()
    for number, _ in enumerate(run(), 1):
        if device.type == 'cuda':
            torch.cuda.synchronize(device)
        now = clock()
        if number >= FULL_MEMORY:
            times.append((now - last) * 1000)
        last = now
    return times


def build(
    name: str, image_size: int, device: torch.device
) -> tuple[Sam2Network, torch.nn.Module | None]:
    """Return our network, and sam2 with the same weights or None."""
    network = Sam2Network(configuration_named(name, image_size)).eval().to(device)
    predictor = sam2_predictor(name, image_size, device)
    if predictor is not None:
        predictor.load_state_dict(network.state_dict())
    return network, predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--network', default='tiny', help='nano, tiny, small, base_plus or large')
    parser.add_argument('--image-size', type=int, default=256)
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 2, 4, 8, 16])
    parser.add_argument(
        '--frames', type=int, default=8, help='to measure, after the memory is full'
    )
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument(
        '--processor-time',
        action='store_true',
        help='of all threads, for a CPU shared with others',
    )
    options = parser.parse_args()
    clock = time.process_time if options.processor_time else time.perf_counter
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    device = torch.device(options.device)
    network, predictor = build(options.network, options.image_size, device)
    clip = moving_pattern(FULL_MEMORY + options.frames)
    with torch.inference_mode():
        images = network_input(torch.from_numpy(clip).to(device), options.image_size)
    print(
        f'{options.network} at {options.image_size} px on {device}, {options.threads} threads,'
        f' torch {torch.__version__};'
        f' {"processor" if options.processor_time else "wall"} ms a frame, median (least) of'
        f' {options.frames}'
    )
    print(
        f'{"objects":>7} {"SAMURAI":>20} {"plain SAM 2":>20} {"sam2 1.1.0":>20} {"sam2/ours":>10}'
    )
    for objects in options.objects:
        runs: list[Callable[[], Iterator[None]]] = [
            functools.partial(ours, network, clip, objects, plain=False),
            functools.partial(ours, network, clip, objects, plain=True),
        ]
        if predictor is not None:
            runs.append(functools.partial(sam2, predictor, images, objects))
        measured = [paces(run, device, clock) for run in runs]
        columns = ' '.join(f'{statistics.median(t):11.1f} ({min(t):6.1f})' for t in measured)
        ratio = min(measured[-1]) / min(measured[0]) if predictor is not None else float('nan')
        print(f'{objects:7} {columns} {ratio:20.2f}')


if __name__ == '__main__':
    main()
