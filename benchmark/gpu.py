# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The tracker on a GPU, beside Meta's sam2 on the same card.

    python benchmark/gpu.py --minutes 3 --output out/gpu.json

Ours is the whole tracker: bytes of an image from the host's memory in, masks at the size of the
image out. sam2 (PyPI, 1.1.0) finds all images resized, normalised and uploaded beforehand; its
masks are read back too. ``sam2_vos`` is its predictor with ``vos_optimized``, compiled. Both have
the same random weights, in bfloat16 by autocast, and every object is present on every frame.

A frame ends when its masks are in the host's memory; the clock is read after that. Launches,
copies and waits are those of one frame of torch's profiler; ``syncs`` are the calls that
``torch.cuda.set_sync_debug_mode`` warns of. The share of the roofline is the arithmetic of our
image encoder by the time of the one that is timed, and by the rate of a matrix product of 8192
rows in the same run.

The most informative cases come first. None is begun once the time is over, and one that compiles
is broken off. Without a GPU nothing is run.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
import functools
import gc
import json
from pathlib import Path
import signal
import statistics
import time
import traceback
from types import FrameType
import warnings

from network import META_FILES, grid_of_boxes, moving_pattern, sam2_predictor, sam2_steps
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

FULL_MEMORY = 26
"""Frames until all memories and pointers exist, and their layout has been captured."""
MATRIX = 8192
BUNDLED = ('mobile', 'nano')


class OutOfTimeError(Exception):
    """The time of the benchmark is over."""


@dataclass(frozen=True)
class Case:
    """One thing to time."""

    who: str
    """ours, sam2 or sam2_vos."""
    mode: str
    """eager, graphs (CUDA's, of eager calls), compiled, or both."""
    network: str
    objects: int

    @property
    def key(self) -> tuple[str, int]:
        """What a case of sam2 is compared by."""
        return self.network, self.objects


@dataclass
class Result:
    """What was measured of a case."""

    case: Case
    image_size: int
    milliseconds: float
    """Median of a frame."""
    slowest: float
    """Milliseconds of the slowest frame after the memories are full."""
    first: float
    """Seconds from the first prompt until the memories are full, compilation included."""
    encoder_milliseconds: float
    """Time to encode one image, by CUDA's events."""
    roofline: float
    """Share of the rate of matrix products that the encoder reaches."""
    launches: int
    """Kernels that the host launches for a frame; a graph counts as one."""
    kernels: int
    """Kernels that the device runs for a frame."""
    copies: int
    """Copies between host and device for a frame."""
    syncs: int
    """Calls of a frame that wait for the device."""
    graphs_before: int
    """Graphs that torch.compile made until the memories were full."""
    graphs_after: int
    """Graphs that it made afterwards, in the middle of the stream."""
    memory: float
    """Largest GB allocated."""
    ratio: float | None = None
    """Ours over sam2's plain predictor."""


def cases(compiled: bool) -> Iterator[Case]:
    """Yield the cases, the most informative first."""
    if compiled:
        yield Case('sam2', 'eager', 'tiny', 1)
        yield Case('sam2_vos', 'compiled', 'tiny', 1)
        yield Case('ours', 'both', 'tiny', 1)
        yield Case('ours', 'compiled', 'tiny', 1)
        yield Case('ours', 'both', 'large', 1)
        return
    for objects in (1, 8):
        for name in ('tiny', 'large', *BUNDLED, 'base_plus', 'small'):
            if name in META_FILES:
                yield Case('sam2', 'eager', name, objects)
            yield Case('ours', 'graphs', name, objects)
            yield Case('ours', 'eager', name, objects)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--minutes', type=float, default=10.0, help='in all, at most')
    parser.add_argument('--frames', type=int, default=30, help='to measure, with full memory')
    parser.add_argument('--output', type=Path, help='JSON file of all results')
    parser.add_argument(
        '--compiled', action='store_true', help='what torch.compile makes, and sam2_vos'
    )
    parser.add_argument('--networks', nargs='+', help='these networks only')
    parser.add_argument('--cpu', action='store_true', help='try the benchmark itself, at 256 px')
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.cpu:
        print('not run: torch finds no GPU')
        return
    bench = Bench(
        torch.device('cpu' if options.cpu else 'cuda'),
        256 if options.cpu else 1024,
        options.frames,
    )
    print(bench.heading)
    print(HEADER)
    results: list[Result] = []
    end = time.monotonic() + 60 * options.minutes
    for case in cases(options.compiled):
        if options.networks and case.network not in options.networks:
            continue
        try:
            with ended_by(end):
                result = bench.run(case)
        except OutOfTimeError:
            print('the time is over')
            break
        except Exception as error:
            # Such as no memory, no sam2, or a graph that it cannot compile; the others count.
            print(f'{title(case)} failed: {type(error).__name__}: {str(error)[:300]}')
            traceback.print_exc(limit=-5)
            continue
        plain = [each for each in results if each.case.who == 'sam2' and each.case.key == case.key]
        if plain and case.who != 'sam2':
            result.ratio = result.milliseconds / plain[0].milliseconds
        results.append(result)
        print(row(result), flush=True)
        if options.output is not None:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            report = {**bench.facts, 'results': [asdict(each) for each in results]}
            options.output.write_text(json.dumps(report, indent=1))


@contextmanager
def ended_by(end: float) -> Iterator[None]:
    """
    Break off what is inside at a time of the monotonic clock.

    :raises OutOfTimeError: then.
    """

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise OutOfTimeError

    left = end - time.monotonic()
    if left <= 0:
        raise OutOfTimeError
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, left)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Bench:
    """Runs cases on one device."""

    def __init__(self, device: torch.device, image_size: int, frames: int) -> None:
        self._device = device
        self._size = image_size
        self._frames = frames
        self._precision = torch.bfloat16 if device.type == 'cuda' else torch.float32
        self._clip = moving_pattern(FULL_MEMORY + frames + 3)
        self._rate = matrix_rate(device, self._precision)

    @property
    def facts(self) -> dict[str, object]:
        """What all results have in common."""
        on_gpu = self._device.type == 'cuda'
        return {
            'device': torch.cuda.get_device_name(self._device) if on_gpu else 'cpu',
            'torch': torch.__version__,
            'precision': str(self._precision).removeprefix('torch.'),
            'matrix_teraflops': self._rate / 1e12,
            'image': list(self._clip.shape[1:]),
        }

    @property
    def heading(self) -> str:
        return ', '.join(f'{name} {value}' for name, value in self.facts.items())

    def run(self, case: Case) -> Result:
        """Time one case."""
        torch.compiler.reset()
        held = 0
        if self._on_gpu:
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)
            held = torch.cuda.memory_allocated(self._device)
        torch.manual_seed(0)
        network = self._network(case.network)
        operations = self._encoder_operations(network)
        if case.who == 'ours':
            steps, encode = self._ours(case, network)
        else:
            steps, encode = self._sam2(case, network)
        start, none = time.perf_counter(), compiled_graphs()
        for _ in range(FULL_MEMORY):
            next(steps)
        first, before = time.perf_counter() - start, compiled_graphs()
        times = []
        for _ in range(self._frames):
            start = time.perf_counter()
            next(steps)
            self._wait()
            times.append(1000 * (time.perf_counter() - start))
        after = compiled_graphs()
        launches, kernels, copies = profiled(functools.partial(next, steps), self._device)
        syncs = waits(functools.partial(next, steps), self._device)
        encoder = seconds(encode, self._device, 20 if self._on_gpu else 2)
        peak = torch.cuda.max_memory_allocated(self._device) - held if self._on_gpu else 0
        return Result(
            case=case,
            image_size=network.image_size,
            milliseconds=statistics.median(times),
            slowest=max(times),
            first=first,
            encoder_milliseconds=1000 * encoder,
            roofline=operations / encoder / self._rate,
            launches=launches,
            kernels=kernels,
            copies=copies,
            syncs=syncs,
            graphs_before=before - none,
            graphs_after=after - before,
            memory=peak / 1e9,
        )

    @property
    def _on_gpu(self) -> bool:
        return self._device.type == 'cuda'

    def _wait(self) -> None:
        if self._on_gpu:
            torch.cuda.synchronize(self._device)

    def _network(self, name: str) -> VideoNetwork:
        """Return a network as it is before it is placed, on the device."""
        if name in BUNDLED:
            return load_network(name).to(self._device)
        with torch.device(self._device):
            network = build_network(name, self._size).eval()
        # Every object is present: what an absent one costs is not the question.
        with torch.no_grad():
            network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
        return network

    def _encoder_operations(self, network: VideoNetwork) -> int:
        """Return the floating point operations of our encoder for one image."""
        images = self._images(1, network.image_size).to(network.device)
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            network.encode_image(images)
        return counter.get_total_flops()

    def _ours(
        self, case: Case, network: VideoNetwork
    ) -> tuple[Iterator[None], Callable[[], object]]:
        compiled = case.mode in {'compiled', 'both'}
        runtime = Runtime(
            self._device, self._precision, compiled, cuda_graphs=case.mode in {'graphs', 'both'}
        )
        network = runtime.place(network)
        images = self._images(1, network.image_size)

        def encode() -> object:
            with runtime.inference():
                return network.encode_image(images)

        return self._tracked(network, runtime, case.objects), encode

    def _tracked(self, network: VideoNetwork, runtime: Runtime, objects: int) -> Iterator[None]:
        # As sam2 does, which neither looks closer nor compares objects with each other; random
        # weights give masks that overlap everywhere.
        settings = replace(
            TrackerSettings.for_network(network.suited_settings),
            exclusive=False,
            closer_look=False,
        )
        tracker = Tracker(network, settings, runtime)
        for box in grid_of_boxes(objects):
            tracker.add_prompt(Frame(self._clip[0], 0), Prompt(box=box))
        for number, pixels in enumerate(self._clip):
            for track in tracker.step(Frame(pixels, number * settings.frame_period)):
                _ = track.mask
            yield

    def _sam2(
        self, case: Case, network: VideoNetwork
    ) -> tuple[Iterator[None], Callable[[], object]]:
        with torch.device(self._device):
            predictor = sam2_predictor(
                case.network, self._size, self._device, compiled=case.mode == 'compiled'
            )
        if predictor is None:
            raise RuntimeError('sam2 is not installed')
        predictor.load_state_dict(network.state_dict())
        runtime = Runtime(self._device, self._precision)
        images = self._images(len(self._clip), self._size)
        boxes = grid_of_boxes(case.objects)

        def encode() -> object:
            with torch.inference_mode(), self._autocast():
                return predictor.forward_image(images[:1])

        steps = sam2_steps(predictor, images, boxes, runtime, self._precision)
        return (None for _ in steps), encode

    def _images(self, count: int, size: int) -> Tensor:
        with torch.inference_mode():
            return torch.cat(
                [
                    network_input(torch.from_numpy(pixels)[None].to(self._device), size)
                    for pixels in self._clip[:count]
                ]
            )

    def _autocast(self) -> torch.autocast:
        narrow = self._precision != torch.float32
        return torch.autocast(self._device.type, dtype=self._precision, enabled=narrow)


def seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the mean time of calls that follow each other, on the device's own clock."""
    for _ in range(3 if device.type == 'cuda' else 1):
        call()
    if device.type != 'cuda':
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begun.record()
    for _ in range(repeats):
        call()
    ended.record()
    ended.synchronize()
    return begun.elapsed_time(ended) / 1000 / repeats


def matrix_rate(device: torch.device, precision: torch.dtype) -> float:
    """Return the floating point operations in a second of a large matrix product."""
    side = MATRIX if device.type == 'cuda' else 512
    one, other = (torch.randn(side, side, device=device, dtype=precision) for _ in range(2))
    return 2 * side**3 / seconds(lambda: one @ other, device, 10)


def compiled_graphs() -> int:
    """Return how many graphs torch.compile has made in this process."""
    from torch._dynamo.utils import counters

    return int(counters['stats']['unique_graphs'])


def profiled(call: Callable[[], object], device: torch.device) -> tuple[int, int, int]:
    """Return how many launches, kernels, and copies between host and device a call makes."""
    if device.type != 'cuda':
        return 0, 0, 0
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        call()
        torch.cuda.synchronize(device)
    names: Counter[str] = Counter()
    kernels = copies = launches = 0
    for event in profiler.events():
        names[event.name] += 1
        if event.device_type == torch.autograd.DeviceType.CUDA:
            if 'HtoD' in event.name or 'DtoH' in event.name:
                copies += 1
            elif not event.name.startswith(('Memcpy', 'Memset')):
                kernels += 1
        elif 'LaunchKernel' in event.name or event.name == 'cudaGraphLaunch':
            launches += 1
    return launches, kernels, copies


def waits(call: Callable[[], object], device: torch.device) -> int:
    """Return how many operations of a call wait for the device."""
    if device.type != 'cuda':
        return 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.cuda.set_sync_debug_mode('warn')
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode('default')
    return sum('called a synchronizing' in str(each.message) for each in caught)


HEADER = (
    f'{"":34} {"ms":>7} {"slowest":>7} {"per s":>6} {"ratio":>5} {"encoder":>7} {"roof":>5}'
    f' {"launches":>8} {"kernels":>7} {"copies":>6} {"syncs":>5} {"graphs":>7} {"first s":>7}'
    f' {"GB":>5}'
)


def title(case: Case) -> str:
    return f'{case.who:>8} {case.mode:>8} {case.network:>9} x{case.objects}'


def row(result: Result) -> str:
    ratio = '' if result.ratio is None else f'{result.ratio:.2f}'
    return (
        f'{title(result.case):29} {result.image_size:4}'
        f' {result.milliseconds:7.2f} {result.slowest:7.2f} {1000 / result.milliseconds:6.1f}'
        f' {ratio:>5} {result.encoder_milliseconds:7.2f} {100 * result.roofline:4.0f}%'
        f' {result.launches:8} {result.kernels:7} {result.copies:6} {result.syncs:5}'
        f' {result.graphs_before:4}+{result.graphs_after:<2} {result.first:7.1f}'
        f' {result.memory:5.1f}'
    )


if __name__ == '__main__':
    main()
