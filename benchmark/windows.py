# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time per frame of eight objects in their windows, beside that of one.

    python benchmark/windows.py --threads 2 --precision bfloat16

Eight textured things wander over a generated scenery of 640x480, 6 to 10 % of its side: spread
over the image, near each other, or as six of them beside two that are large. One object and all
eight are tracked on the same frames, alternating frame by frame, so that other load on the machine
affects both alike. Printed are the milliseconds of each (median), the median of their ratios with
its quartiles, the windows encoded for eight, and the mean box IoU of the small objects with the
truth, of one and of eight, with a closer look and without.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
import statistics
import time

import numpy as np
from numpy.typing import NDArray
import torch

from sam_tracker.core.boxes import box_iou
from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.networks.api import ImageFeatures, VideoNetwork
from sam_tracker.networks.runtime import Runtime, choose_runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video import sprites, textures
from sam_tracker.video.motion import SmoothNoise

WIDTH, HEIGHT = 640, 480
WANDER = 12.0
"""Pixels that things move about their places."""
SMALL, LARGE = (34.0, 56.0), (150.0, 180.0)
"""Sides of small and large things."""
FULL_MEMORY = 17
GRID = [(x, y) for y in (120, 360) for x in (80, 240, 400, 560)]
LAYOUTS = {
    'spread': (GRID, 0),
    'near': ([(320 + (x - 320) // 3, 240 + (y - 240) // 3) for x, y in GRID], 0),
    'two large': (
        [(60, 60), (230, 300), (490, 300), (580, 60), (90, 420), (360, 60), (370, 430), (150, 80)],
        2,
    ),
}
"""Where the things are, and how many of them, from the second on, are large."""


@dataclass(frozen=True)
class Scene:
    """Frames [T, H, W, 3] and the boxes [T, O, 4] of things in them."""

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    small: NDArray[np.bool_]
    """[O]."""


def scene(layout: str, count: int, seed: int) -> Scene:
    """Draw a scene."""
    rng = np.random.default_rng(seed)
    places, large = LAYOUTS[layout]
    ground = textures.scenery(rng, HEIGHT, WIDTH, textures.palette(rng), True, clutter=0.3)
    small = np.array([not 1 <= number <= large for number in range(len(places))])
    diameters = [rng.uniform(*(SMALL if each else LARGE)) for each in small]
    things = [
        sprites.solid(rng, textures.palette(rng), diameter, True, 0.0) for diameter in diameters
    ]
    moves = [SmoothNoise(rng, [40.0, 40.0, 60.0]) for _ in things]
    frames, boxes = [], np.zeros((count, len(things), 4))
    for time_, row in enumerate(boxes):
        canvas = ground.copy()
        for number, (thing, place) in enumerate(zip(things, places, strict=True)):
            x, y, turn = moves[number](float(time_))
            ids = np.zeros((HEIGHT, WIDTH), np.uint8)
            c, s = np.cos(0.3 * turn), np.sin(0.3 * turn)
            pose = sprites.Pose(
                np.array(place) + WANDER * np.array([x, y]),
                diameters[number] / 2 * np.array([[c, -s], [s, c]]),
                0.0, np.zeros(len(thing.parts)), np.zeros(32), (1, 1),
            )  # fmt: skip
            sprites.draw(thing, pose, canvas, ids, 1)
            rows, columns = np.nonzero(ids)
            row[number] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        frames.append(canvas)
    return Scene(np.stack(frames), boxes, small)


class Counted:
    """A network that counts the images it encodes."""

    def __init__(self, network: VideoNetwork) -> None:
        self.images = 0
        encode = network.encode_image

        def counted(images: torch.Tensor) -> ImageFeatures:
            self.images += len(images)
            return encode(images)

        network.encode_image = counted  # type: ignore[method-assign]
        self.network = network


class Run:
    """The first things of a scene, tracked frame by frame."""

    def __init__(
        self,
        counted: Counted,
        runtime: Runtime,
        clock: Callable[[], float],
        closer: bool,
        shown: Scene,
        objects: int,
    ) -> None:
        settings = TrackerSettings.for_network(counted.network.suited_settings)
        settings = replace(settings, closer_look=closer)
        self._tracker = Tracker(counted.network, settings, runtime)
        self._counted, self._clock, self._scene = counted, clock, shown
        self.times: list[float] = []
        """Milliseconds of each frame with a full memory."""
        self.windows: list[int] = []
        self.overlaps: list[float] = []
        """Box IoU of small things with the truth."""
        for box in shown.boxes[0, :objects]:
            self._tracker.add_prompt(Frame(shown.frames[0], 0), Prompt(box=box))

    def step(self, number: int) -> None:
        """Track the next frame."""
        frame = Frame(self._scene.frames[number], number * TrackerSettings.frame_period)
        encoded, start = self._counted.images, self._clock()
        tracks = self._tracker.step(frame)
        for track in tracks:
            _ = track.mask
        spent = 1000 * (self._clock() - start)
        if number >= FULL_MEMORY:
            self.times.append(spent)
            self.windows.append(self._counted.images - encoded)
        truths = self._scene.boxes[number]
        for track, truth, small in zip(tracks, truths, self._scene.small, strict=False):
            if small:
                found = track.box
                self.overlaps.append(0.0 if found is None else float(box_iou(found, truth)))


def line(counted: Counted, runtime: Runtime, layout: str, options: argparse.Namespace) -> None:
    """Measure one layout, and print it."""
    modes = {'closer look': True, 'whole image': False}
    clock = time.process_time if options.processor_time else time.perf_counter
    runs: dict[tuple[str, int], list[Run]] = {(mode, n): [] for mode in modes for n in (1, 8)}
    for seed in range(options.scenes):
        shown = scene(layout, FULL_MEMORY + options.frames, seed)
        beside = {
            (mode, n): Run(counted, runtime, clock, modes[mode], shown, n) for mode, n in runs
        }
        for number in range(1, len(shown.frames)):
            for run in beside.values():
                run.step(number)
        for key, run in beside.items():
            runs[key].append(run)
    for mode in modes:
        one, eight = ([spent for run in runs[mode, n] for spent in run.times] for n in (1, 8))
        ratios = [many / few for few, many in zip(one, eight, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        windows = statistics.fmean(number for run in runs[mode, 8] for number in run.windows)
        overlaps = [
            statistics.fmean(overlap for run in runs[mode, n] for overlap in run.overlaps)
            for n in (1, 8)
        ]
        print(
            f'{layout:>10} {mode}: {statistics.median(one):6.1f} ms,'
            f' eight {statistics.median(eight):6.1f} ms,'
            f' ratio {middle:.2f} ({low:.2f} to {high:.2f}), {windows:.1f} windows;'
            f' box IoU {overlaps[0]:.3f}, of eight {overlaps[1]:.3f}',
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--checkpoint', default='mobile', help='name or file of the weights')
    parser.add_argument('--layouts', nargs='+', choices=LAYOUTS, default=list(LAYOUTS))
    parser.add_argument('--scenes', type=int, default=3, help='of each layout')
    parser.add_argument('--frames', type=int, default=40, help='with a full memory')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--device', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument(
        '--processor-time', action='store_true', help='of all threads, for a CPU that is shared'
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    runtime = choose_runtime(options.device, options.precision)
    counted = Counted(runtime.place(load_network(options.checkpoint)))
    print(
        f'{options.checkpoint} on {runtime.device}, {runtime.precision},'
        f' {options.threads} threads, {"processor" if options.processor_time else "wall"} time'
    )
    for layout in options.layouts:
        line(counted, runtime, layout, options)


if __name__ == '__main__':
    main()
