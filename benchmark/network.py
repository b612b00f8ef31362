# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time per frame of the network and of its parts, beside Meta's sam2 with the same weights.

    python benchmark/network.py                      # on the GPU if there is one, else the CPU
    python benchmark/network.py --network small --image-size 256 --objects 1
    python benchmark/network.py --network tiny edgetam --image-size 512 --alone
    python benchmark/network.py --processor-time --threads 1    # on a CPU that is shared

All track the same objects on the same frames in one process, alternating frame by frame, so that
other load on the machine affects all alike: ours in each precision and mode, and sam2 in float32
and under autocast. Each frame ends with boolean masks at video size, read back from the device.
Ours starts from the bytes of a camera image; sam2 (PyPI, 1.1.0) gets frames that are resized and
normalised beforehand, and processes objects one by one.

Networks that sam2 does not have, such as EdgeTAM, are timed alone, as all are with ``--alone``.

Ratios are medians of one time over another's on the same frame, with their quartiles. The parts
are timed on separate frames, with a synchronisation of the GPU after each part; their shares are
those of the frame.
"""

import argparse
from collections import deque
from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
from functools import partial
import logging
import statistics
import time
from typing import Any

import numpy as np
import torch

from sam_tracker.networks.api import ImageFeatures, Memory, VideoNetwork
from sam_tracker.networks.masks import memory_mask, resize_logits
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.runtime import PRECISIONS, Runtime, choose_runtime

WIDTH, HEIGHT = 640, 480
FULL_MEMORY = 8
"""Frames until all seven memories exist; later frames add only pointers, 1 % of the work."""
META_FILES = {'tiny': 't', 'small': 's', 'base_plus': 'b+', 'large': 'l'}
PARTS = {
    'encoder': ('encode', 'forward_image'),
    'attention': ('attend', '_prepare_memory_conditioned_features'),
    'decoder': ('decode', '_forward_sam_heads'),
    'memory encoder': ('remember', '_encode_new_memory'),
}
"""The parts, and their methods in ``PlainLoop`` and in sam2's predictor."""


class PlainLoop:
    """SAM 2 with one of our networks: six memories by recency and sixteen pointers."""

    def __init__(self, network: VideoNetwork, runtime: Runtime) -> None:
        self.network, self.runtime = network, runtime
        self.size = network.image_size
        self.memories: deque[torch.Tensor] = deque(maxlen=6)
        self.pointers: deque[torch.Tensor] = deque(maxlen=15)
        self.first: tuple[torch.Tensor, torch.Tensor] | None = None
        self.frames = 0

    def step(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Track the objects on the next image: [O, 1, H, W] bool."""
        with self.runtime.inference():
            features = self.encode(image)
            conditioned = self.attend(features, len(boxes))
            logits, pointer, object_logit = self.decode(features, conditioned, boxes)
            memory = self.remember(features, logits, object_logit)
            if self.first is None:
                self.first = memory, pointer
            else:
                self.memories.append(memory)
                self.pointers.append(pointer)
            self.frames += 1
            return (resize_logits(logits, HEIGHT, WIDTH) > 0).cpu().numpy()

    def encode(self, image: np.ndarray) -> ImageFeatures:
        pixels = torch.from_numpy(image)[None].to(self.runtime.device)
        return self.network.encode_image(self.network.preprocess(pixels))

    def attend(self, features: ImageFeatures, objects: int) -> torch.Tensor:
        if self.first is None:
            return self.network.without_memory(features.embedding)
        memories = [self.first[0], *self.memories]
        positions = [6, *reversed(range(len(self.memories)))]
        distances = [float(self.frames), *(1.0 + n for n in range(len(self.pointers)))]
        device = self.runtime.device
        return self.network.attend_to_memory(
            features.embedding,
            Memory(
                torch.stack(memories, dim=1),
                torch.tensor(positions, device=device).expand(objects, -1),
                torch.stack([self.first[1], *reversed(self.pointers)], dim=1),
                torch.tensor(distances, device=device).expand(objects, -1),
            ),
        )

    def decode(
        self, features: ImageFeatures, conditioned: torch.Tensor, boxes: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        objects, tracked = len(boxes), self.first is not None
        corners = boxes.reshape(objects, 2, 2) * [self.size / WIDTH, self.size / HEIGHT]
        points = torch.from_numpy(corners[:, : 0 if tracked else 2]).to(conditioned)
        labels = torch.tensor([] if tracked else [2, 3], device=points.device)
        candidates = self.network.decode(
            features,
            conditioned,
            self.network.encode_prompts(points, labels.expand(objects, -1)),
            several=tracked,
        )
        rows = torch.arange(objects, device=points.device)
        best = candidates.predicted_iou.argmax(1)
        present = candidates.object_logit > 0
        logits = candidates.mask_logits[rows, best][:, None]
        logits = logits.float().where(present[:, None, None, None], -1024.0)
        pointer = self.network.object_pointer(candidates.tokens[rows, best], present)
        return logits, pointer, candidates.object_logit

    def remember(
        self, features: ImageFeatures, logits: torch.Tensor, object_logit: torch.Tensor
    ) -> torch.Tensor:
        mask = memory_mask(resize_logits(logits, self.size, self.size), self.first is None)
        memory = self.network.encode_memory(features.embedding, mask, object_logit)
        return memory.to(torch.bfloat16)


@contextlib.contextmanager
def sam2_inference(runtime: Runtime, precision: torch.dtype) -> Iterator[None]:
    """Run what is inside as sam2 is meant to be run: under autocast, on CPUs too."""
    narrow = precision != torch.float32
    with (
        torch.inference_mode(),
        torch.autocast(runtime.device.type, dtype=precision, enabled=narrow),
    ):
        yield


def sam2_steps(
    predictor: torch.nn.Module,
    images: torch.Tensor,
    boxes: np.ndarray,
    runtime: Runtime,
    precision: torch.dtype,
) -> Iterator[np.ndarray]:
    """Track the same objects with sam2, one frame for each element."""
    import sam2.sam2_video_predictor as module

    module.load_video_frames = lambda **_: (images, HEIGHT, WIDTH)
    module.tqdm = lambda iterable, **_: iterable
    with sam2_inference(runtime, precision):
        state = predictor.init_state('')
        for number, box in enumerate(boxes):
            predictor.add_new_points_or_box(state, 0, number, box=box)
        frames = predictor.propagate_in_video(state)
    while True:
        # Autocast is left between the frames, so that it does not reach into ours.
        with sam2_inference(runtime, precision):
            _, _, logits = next(frames)
            masks = (logits > 0).cpu().numpy()
        yield masks


@dataclass
class Stopwatch:
    """Adds up the duration of calls of wrapped functions, in milliseconds."""

    device: torch.device
    clock: Callable[[], float]
    total: float = 0.0

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - of any function
            start = self.now()
            result = function(*arguments, **keywords)
            self.total += self.now() - start
            return result

        return timed

    def now(self) -> float:
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return 1000 * self.clock()


@contextlib.contextmanager
def parts_timed(target: object, which: int, watches: dict[str, Stopwatch]) -> Iterator[None]:
    """Time the parts of a loop (which = 0) or of sam2's predictor (1)."""
    for part, names in PARTS.items():
        setattr(target, names[which], watches[part].wrap(getattr(target, names[which])))
    yield
    for names in PARTS.values():
        delattr(target, names[which])


@dataclass(frozen=True)
class Contender:
    """What tracks the objects, one frame at a call."""

    step: Callable[[np.ndarray], object]
    target: object
    """Whose methods are the parts."""
    which: int
    """0: the names of ``PlainLoop`` in PARTS; 1: those of sam2's predictor."""


@dataclass(frozen=True)
class Times:
    """Times of one contender, in milliseconds."""

    frames: list[float]
    parts: dict[str, float]
    """The mean of each part."""

    @property
    def frame(self) -> float:
        return statistics.median(self.frames)

    def by_part(self) -> str:
        """Return the parts and their shares of the frame as text."""
        return ', '.join(
            f'{part} {spent:.1f} ({spent / self.frame:.0%})' for part, spent in self.parts.items()
        )

    def over(self, other: 'Times') -> np.ndarray:
        """Return the quartiles [3] of the ratio to another contender's, frame by frame."""
        return np.percentile(np.divide(self.frames, other.frames), [25, 50, 75])


def alternate(
    contenders: dict[str, Contender],
    clip: np.ndarray,
    frames: int,
    device: torch.device,
    clock: Callable[[], float],
) -> dict[str, Times]:
    """
    Track a clip with all contenders in turn.

    :param clip: its first FULL_MEMORY frames are not measured, the parts are on the last ones.
    :param frames: that are measured as a whole.
    """
    watches = {name: {part: Stopwatch(device, clock) for part in PARTS} for name in contenders}
    whole = {name: Stopwatch(device, clock) for name in contenders}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    by_part = len(clip) - FULL_MEMORY - frames
    for number, image in enumerate(clip):
        for name, contender in contenders.items():
            if number < FULL_MEMORY + frames:
                before = whole[name].total
                whole[name].wrap(contender.step)(image)
                taken[name].append(whole[name].total - before)
            else:
                with parts_timed(contender.target, contender.which, watches[name]):
                    contender.step(image)
    return {
        name: Times(
            taken[name][FULL_MEMORY:],
            {part: watch.total / by_part for part, watch in watches[name].items()},
        )
        for name in contenders
    }


def show(times: dict[str, Times], baselines: list[str]) -> None:
    """Print a line of times and ratios for each contender, and a line of its parts."""
    print(f'{"":>19} {"ms":>8}' + ''.join(f'  over {name:<17}' for name in baselines))
    for name, each in times.items():
        line = f'{name:>19} {each.frame:8.1f}'
        for baseline in baselines:
            low, middle, high = each.over(times[baseline])
            ratio = '' if name == baseline else f'{middle:.2f} ({low:.2f} to {high:.2f})'
            line += f'  {ratio:<22}'
        print(line.rstrip())
        print(f'{"":>21}{each.by_part()}')


def show_added_object(few: dict[str, Times], many: dict[str, Times], added: int) -> None:
    """
    Print what each object costs beyond the fewest.

    :param added: how many objects more ``many`` was measured with.
    """
    for name, least in few.items():
        most = many[name]
        parts = ', '.join(
            f'{part} {(most.parts[part] - spent) / added:.1f}'
            for part, spent in least.parts.items()
        )
        share = (most.frame - least.frame) / added / least.frame
        print(f'{name:>19} an added object: {share:.2f} of the first frame ({parts})')


def compare(
    name: str,
    size: int,
    ours: dict[str, Runtime],
    sam2_precisions: list[torch.dtype],
    options: argparse.Namespace,
) -> None:
    """
    Time one network at one size and print a table for each number of objects.

    :param ours: how to run ours, by the names that are printed.
    """
    torch.manual_seed(0)
    built = {way: build_network(name, size).eval() for way in ours}
    weights = next(iter(built.values())).state_dict()
    device = next(iter(ours.values())).device
    predictor = None if options.alone else sam2_predictor(name, size, device)
    if predictor is not None:
        predictor.load_state_dict(weights)
    networks = {}
    for way, network in built.items():
        network.load_state_dict(weights)
        networks[way] = ours[way].place(network)
    clip = moving_pattern(FULL_MEMORY + options.frames + min(4, options.frames))
    images = network_input(torch.from_numpy(clip), size)
    measured: dict[int, dict[str, Times]] = {}
    for count in options.objects:
        boxes = grid_of_boxes(count)
        contenders = {}
        for way, network in networks.items():
            loop = PlainLoop(network, ours[way])
            contenders[way] = Contender(partial(loop.step, boxes=boxes), loop, 0)
        for precision in sam2_precisions if predictor is not None else ():
            steps = sam2_steps(predictor, images, boxes, ours[way], precision)
            contenders[f'sam2 {short(precision)}'] = Contender(
                lambda _, steps=steps: next(steps), predictor, 1
            )
        clock = time.process_time if options.processor_time else time.perf_counter
        measured[count] = alternate(contenders, clip, options.frames, device, clock)
        print(f'{name}, {size} px, {count} objects')
        show(measured[count], list(contenders)[len(ours) :] + list(ours)[: len(ours) > 1])
    if len(measured) > 1:
        least, most = min(measured), max(measured)
        show_added_object(measured[least], measured[most], most - least)


def short(precision: torch.dtype) -> str:
    return str(precision).removeprefix('torch.')


def sam2_predictor(
    name: str, size: int, device: torch.device, compiled: bool = False
) -> torch.nn.Module | None:
    """
    Return sam2's video predictor, or None where it is not installed or has no such size.

    :param compiled: its predictor that compiles all parts, ``vos_optimized``.
    """
    try:
        from sam2.build_sam import build_sam2_video_predictor
    except ImportError:
        return None
    if name not in META_FILES:
        return None
    logging.getLogger().setLevel(logging.ERROR)
    predictor = build_sam2_video_predictor(
        f'configs/sam2.1/sam2.1_hiera_{META_FILES[name]}.yaml',
        device=str(device),
        hydra_overrides_extra=[f'++model.image_size={size}'],
        vos_optimized=compiled,
    )
    predictor.fill_hole_area = 0
    return predictor


def grid_of_boxes(objects: int) -> np.ndarray:
    """[O, 4] boxes in pixels of the image."""
    corners = [(40 + 140 * (n % 4), 20 + 110 * (n // 4)) for n in range(objects)]
    return np.array([[x, y, x + 100, y + 80] for x, y in corners], float)


def moving_pattern(count: int) -> np.ndarray:
    """[T, H, W, 3] uint8."""
    ground = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    image = np.kron(ground, np.ones((8, 8, 1), np.uint8))
    return np.stack([np.roll(image, 2 * number, axis=1) for number in range(count)])


def main() -> None:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--network', nargs='+', default=[*META_FILES] if gpu else ['tiny'])
    parser.add_argument('--image-size', type=int, nargs='+', default=[1024] if gpu else [256, 512])
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 8])
    parser.add_argument('--frames', type=int, default=12, help='to measure, with full memory')
    parser.add_argument('--device', default='auto')
    choices = ('auto', *PRECISIONS)
    several = ['auto'] if gpu else ['float32', 'auto']
    parser.add_argument('--precision', nargs='+', choices=choices, default=several, help='of ours')
    parser.add_argument(
        '--sam2-precision', nargs='+', choices=choices, default=several, help='of its autocast'
    )
    parser.add_argument(
        '--mode', nargs='+', default=['eager', 'compiled'] if gpu else ['eager'], help='of ours'
    )
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument(
        '--processor-time', action='store_true', help='of all threads, for a CPU that is shared'
    )
    parser.add_argument('--alone', action='store_true', help='without sam2 beside it')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ours = {}
    for mode in options.mode:
        for precision in options.precision:
            runtime = choose_runtime(
                options.device, precision, compiled=mode == 'compiled', cuda_graphs=False
            )
            way = f'ours {short(runtime.precision)}{" compiled" if runtime.compiled else ""}'
            ours[way] = runtime
    # auto may be one of the others.
    theirs = dict.fromkeys(
        choose_runtime(options.device, precision).precision for precision in options.sam2_precision
    )
    print(
        f'{runtime.device}, {options.threads} threads, torch {torch.__version__};'
        f' {"processor" if options.processor_time else "wall"} time, median of {options.frames}'
    )
    for name in options.network:
        for size in options.image_size:
            compare(name, size, ours, list(theirs), options)


if __name__ == '__main__':
    main()
