# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time per frame of a network in torch and in onnxruntime, and of its parts.

    python benchmark/graphs.py                                  # mobile
    python benchmark/graphs.py --network tiny --image-size 256 --graphs out/graphs

The network tracks the same objects on the same frames in torch, in float32 and in bfloat16, and as
exported graphs, alternating frame by frame, so that other load on the machine affects all alike.
Networks that do not come with the package get random weights, which take the same time. Graphs are
exported to the folder first where it has none, which takes a minute.

Times are processor time of all threads unless ``--wall`` is given. ``ratio`` is the median of a
frame's time over that of torch in float32. The parts are timed on frames of their own.
"""

import argparse
from functools import partial
import importlib.util
from pathlib import Path
import statistics
import time

from network import (
    FULL_MEMORY,
    PARTS,
    PlainLoop,
    Stopwatch,
    grid_of_boxes,
    moving_pattern,
    parts_timed,
)
import torch
from torch import nn

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.exported.export import DEFAULT_OPSET, export
from sam_tracker.networks.exported.manifest import FILE_NAME
from sam_tracker.networks.exported.network import open_graphs
from sam_tracker.networks.exported.session import GraphSession
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.loading import load_network

BUNDLED = ('nano', 'mobile')
WEIGHTS = 'of the benchmark'
"""Stands for the checkpoint of the graphs: random weights are the same in every run."""


def loaded(name: str, size: int | None) -> VideoNetwork:
    """Return the network, float32 on the CPU."""
    if name in BUNDLED:
        return load_network(name, size)
    torch.manual_seed(0)
    network = build_network(name, size)
    assert isinstance(network, nn.Module) and isinstance(network, VideoNetwork)
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--network', default='mobile')
    parser.add_argument('--image-size', type=int)
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 8])
    parser.add_argument('--frames', type=int, default=24, help='to measure, with full memory')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--graphs', type=Path, help='folder (default: out/graphs/NETWORK_SIZE)')
    parser.add_argument('--wall', action='store_true', help='wall time, on an idle machine')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.wall else time.process_time
    make = partial(loaded, options.network, options.image_size)
    network = make()
    folder = options.graphs or Path(f'out/graphs/{options.network}_{network.image_size}')
    if not (folder / FILE_NAME).exists():
        for written in export(network, WEIGHTS, folder, conditioning=1, opset=DEFAULT_OPSET):
            print(f'{written.path}: differs by {written.difference:.1g}')
    device = torch.device('cpu')
    runtimes = {kind: choose_runtime('cpu', kind) for kind in ('float32', 'bfloat16')}
    networks = {kind: runtime.place(make()) for kind, runtime in runtimes.items()}
    runtimes['onnxruntime'] = runtimes['float32']
    networks['onnxruntime'] = open_graphs(
        networks['float32'], WEIGHTS, folder, partial(GraphSession, device=device, providers=())
    )
    if importlib.util.find_spec('openvino') is not None:
        from sam_tracker.networks.exported.openvino_session import OpenVinoSession

        for kind in ('float32', 'bfloat16'):
            open_session = partial(
                OpenVinoSession, device=device, precision=runtimes[kind].precision
            )
            name = f'openvino {kind}'
            runtimes[name] = runtimes[kind]
            networks[name] = open_graphs(networks[kind], WEIGHTS, folder, open_session)
    print(
        f'{options.network} at {network.image_size} px, {options.threads} threads,'
        f' torch {torch.__version__}; {"wall" if options.wall else "processor"} ms a frame,'
        f' median of {options.frames}'
    )
    clip = moving_pattern(FULL_MEMORY + 2 * options.frames)
    for count in options.objects:
        boxes = grid_of_boxes(count)
        loops = {kind: PlainLoop(networks[kind], runtimes[kind]) for kind in networks}
        times: dict[str, list[float]] = {kind: [] for kind in loops}
        watches = {kind: {part: Stopwatch(device, clock) for part in PARTS} for kind in loops}
        for number, image in enumerate(clip):
            for kind, loop in loops.items():
                if number < FULL_MEMORY + options.frames:
                    start = clock()
                    loop.step(image, boxes)
                    times[kind].append(1000 * (clock() - start))
                else:
                    with parts_timed(loop, 0, watches[kind]):
                        loop.step(image, boxes)
        for kind, each in times.items():
            measured, plain = each[FULL_MEMORY:], times['float32'][FULL_MEMORY:]
            ratio = statistics.median(a / b for a, b in zip(measured, plain, strict=True))
            parts = ', '.join(
                f'{part} {watch.total / options.frames:.1f}'
                for part, watch in watches[kind].items()
            )
            print(
                f'{count:2} objects {kind:>17} {statistics.median(measured):8.1f} ms'
                f'  ratio {ratio:.2f}  ({parts})'
            )


if __name__ == '__main__':
    main()
