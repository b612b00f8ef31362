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

Times are processor time of all threads unless ``--wall`` is given. Ratios are medians of a frame's
time over that of torch in float32, with quartiles. The parts are timed on frames of their own.
"""

import argparse
from collections.abc import Callable
from functools import partial
import importlib.util
from pathlib import Path
import time

from network import (
    FULL_MEMORY,
    Contender,
    PlainLoop,
    alternate,
    grid_of_boxes,
    moving_pattern,
    show,
)
import torch
from torch import nn

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.exported.export import DEFAULT_OPSET, export
from sam_tracker.networks.exported.manifest import FILE_NAME
from sam_tracker.networks.exported.network import Session, open_graphs
from sam_tracker.networks.exported.session import GraphSession
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.runtime import Runtime, choose_runtime
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


def ways_to_run(
    name: str, size: int | None, folder: Path | None = None
) -> dict[str, tuple[VideoNetwork, Runtime]]:
    """
    Return one network on this CPU in every way that is installed, torch in float32 first.

    :param folder: of its graphs, which are exported if it holds none; None: ``out/graphs``.
    """
    make = partial(loaded, name, size)
    network = make()
    folder = folder or Path(f'out/graphs/{name}_{network.image_size}')
    if not (folder / FILE_NAME).exists():
        for written in export(network, WEIGHTS, folder, conditioning=1, opset=DEFAULT_OPSET):
            print(f'{written.path}: differs by {written.difference:.1g}')
    device = torch.device('cpu')
    ways = {}
    for kind in ('float32', 'bfloat16'):
        runtime = choose_runtime('cpu', kind)
        ways[kind] = runtime.place(make()), runtime
    sessions: dict[str, tuple[str, Callable[[Path], Session]]] = {
        'onnxruntime': ('float32', partial(GraphSession, device=device, providers=()))
    }
    if importlib.util.find_spec('openvino') is not None:
        from sam_tracker.networks.exported.openvino_session import OpenVinoSession

        for kind in ('float32', 'bfloat16'):
            precision = ways[kind][1].precision
            session = partial(OpenVinoSession, device=device, precision=precision)
            sessions[f'openvino {kind}'] = kind, session
    for way, (kind, open_session) in sessions.items():
        placed, runtime = ways[kind]
        ways[way] = open_graphs(placed, WEIGHTS, folder, open_session), runtime
    return ways


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
    device = torch.device('cpu')
    ways = ways_to_run(options.network, options.image_size, options.graphs)
    size = ways['float32'][0].image_size
    print(
        f'{options.network} at {size} px, {options.threads} threads,'
        f' torch {torch.__version__}; {"wall" if options.wall else "processor"} ms a frame,'
        f' median of {options.frames}'
    )
    clip = moving_pattern(FULL_MEMORY + 2 * options.frames)
    for count in options.objects:
        boxes = grid_of_boxes(count)
        contenders = {}
        for way, (network, runtime) in ways.items():
            loop = PlainLoop(network, runtime)
            contenders[way] = Contender(partial(loop.step, boxes=boxes), loop, 0)
        print(f'{count} objects')
        show(alternate(contenders, clip, options.frames, device, clock), ['float32'])


if __name__ == '__main__':
    main()
