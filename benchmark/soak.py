# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Checks that the memory of a tracker stays constant.

    python benchmark/soak.py

Up to five objects are prompted by box, click or mask, refined, occluded and removed on a long
stream. Resident memory and the number of live tensors are printed; if they grow after a warm-up,
the exit code is 1. The network is SAM 2.1 in the smallest size that works, since quality does not
matter here.
"""

import argparse
import gc
from pathlib import Path
import time

import numpy as np
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.sam2.configuration import NetworkConfiguration
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.generated import generate_clip

OBJECTS = 5
WARM_UP_SHARE = 0.2
ALLOWED_GROWTH_MIB = 8.0
WIDTH, HEIGHT = 160, 120


def smallest_network() -> Sam2Network:
    torch.manual_seed(0)
    configuration = NetworkConfiguration(
        name='soak',
        image_size=128,
        hiera_width=8,
        hiera_heads=1,
        hiera_blocks=(1, 1, 1, 1),
        hiera_windows=(8, 8, 8, 8),
        hiera_global_blocks=(2,),
        hiera_position_grid=7,
        embedding_dimension=32,
        memory_channels=16,
        memory_attention_layers=1,
        memory_attention_feedforward=32,
        decoder_heads=2,
        decoder_feedforward=32,
        iou_head_hidden=16,
    )
    network = Sam2Network(configuration).eval()
    # With large random weights the object score varies, so that objects appear and disappear.
    head = network.sam_mask_decoder.pred_obj_score_head.layers[2]
    torch.nn.init.normal_(head.weight, std=3.0)
    return network


def prompts(random: np.random.Generator) -> Prompt:
    x, y = random.uniform(0, WIDTH - 40), random.uniform(0, HEIGHT - 40)
    kind = random.integers(4)
    if kind == 0:
        return Prompt(points=[[x + 20, y + 20]], labels=[1])
    if kind == 1:
        return Prompt(points=[[x + 20, y + 20], [x, y]], labels=[1, 0])
    if kind == 2:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[int(y) : int(y) + 40, int(x) : int(x) + 40] = True
        return Prompt(mask=mask)
    return Prompt(box=[x, y, x + 40, y + 40])


def resident_mib() -> float:
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 2**20


def living_tensors() -> int:
    gc.collect()
    return sum(1 for each in gc.get_objects() if type(each) is torch.Tensor)


def soak(frames: int, report_every: int) -> list[tuple[float, int]]:
    """Run the stream, and return resident MiB and live tensors at every report."""
    random = np.random.default_rng(0)
    settings = TrackerSettings(maximum_objects=OBJECTS)
    tracker = Tracker(smallest_network(), settings)
    images = generate_clip(1, 60, (HEIGHT, WIDTH), 'medium').frames
    figures = []
    added = removed = corrected = 0
    start = time.perf_counter()
    for number in range(1, frames + 1):
        frame = Frame(images[number % len(images)], number * settings.frame_period)
        tracks = tracker.step(frame)
        for track in tracks:
            _ = track.box, track.mask
        ids = [track.object_id for track in tracks]
        if len(ids) < OBJECTS and random.random() < 0.2:
            tracker.add_prompt(frame, prompts(random))
            added += 1
        elif ids and random.random() < 0.02:
            tracker.remove(int(random.choice(ids)))
            removed += 1
        elif ids and random.random() < 0.02:
            tracker.add_prompt(frame, prompts(random), object_id=int(random.choice(ids)))
            corrected += 1
        if number % report_every == 0:
            figures.append((resident_mib(), living_tensors()))
            pace = (time.perf_counter() - start) / number * 1000
            states = ' '.join(f'{track.object_id}:{track.state.name}' for track in tracks)
            print(
                f'{number:7} {figures[-1][0]:12.1f} {figures[-1][1]:8}'
                f' {tracker.memory_bytes / 2**20:10.2f} {pace:8.1f}   {states}'
            )
    print(f'{added} objects added, {removed} removed, {corrected} corrected')
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--frames', type=int, default=20_000)
    parser.add_argument('--report-every', type=int, default=500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print('  frame resident MiB  tensors  store MiB ms/frame   objects')
    figures = soak(options.frames, options.report_every)
    warm = int(len(figures) * WARM_UP_SHARE)
    resident, tensors = zip(*figures[warm:], strict=True)
    half = len(resident) // 2
    growth = max(resident[half:]) - max(resident[:half])
    # Minima are compared, because a new object holds its mask until the next frame; a leak raises
    # the minimum too.
    more = min(tensors[half:]) - min(tensors[:half])
    print(
        f'after warm-up, second half against first: {growth:+.1f} MiB resident, {more:+} tensors'
    )
    if growth > ALLOWED_GROWTH_MIB or more > 0:
        raise SystemExit('memory grows')


if __name__ == '__main__':
    main()
