# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Compares motion models by their prediction of boxes.

    python benchmark/motion.py /path/to/otb/*/groundtruth_rect.txt

Beside the two parametrisations of the Kalman filter of constant velocity are one of constant
acceleration, and two filters of constant velocity that interact (an IMM), of which one expects
manoeuvres. They track the exact boxes of generated clips, and of files of boxes named as
arguments, with noise of 2 % of their size, like a network's. Each predicts the box before each
frame: on every frame, on every third, and ten frames ahead without updates. Printed are mean and
10th percentile of the IoU of predicted and true boxes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Protocol

from filterpy.kalman import IMMEstimator, KalmanFilter
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import box_iou
from sam_tracker.tracking.motion.kalman_box import KalmanBox, process_noise
from sam_tracker.tracking.motion.parametrisation import AspectHeight, WidthHeight
from sam_tracker.video.generated import generate_clip

NETWORK_SIZE = 1024
DISTURBANCE = 0.02
WARM_UP = 15
ACCELERATION = 0.5
"""What one period adds to an acceleration, in that which it adds to a velocity."""
MANOEUVRE = 4.0
"""What one period adds to a velocity while an object manoeuvres, in that of the calm filter."""
STAYING = 0.95
"""Probability that an object goes on manoeuvring, or not, from one period to the next."""
Boxes = NDArray[np.float64]
CASES = {'every frame': 1, 'every third frame': 3, 'blind for ten frames': 10}


class Model(Protocol):
    """The part of ``sam_tracker.tracking.motion.api.Motion`` that is compared."""

    @property
    def box(self) -> Boxes: ...

    def predict(self, steps: float) -> Model: ...

    def update(self, box: Boxes) -> Model: ...


class Filters:
    """Filters of filterpy over the centre, width and height of a box and their derivatives."""

    _shape = WidthHeight()

    def __init__(self, box: Boxes, derivatives: int, manoeuvres: Sequence[float]) -> None:
        """
        Start at rest.

        :param derivatives: of the state: 1 for velocities, 2 for accelerations too.
        :param manoeuvres: for each filter what its velocities may change more than usual.
        """
        self._derivatives, self._manoeuvres = derivatives, manoeuvres
        state = self._shape.state(box)
        position, velocity = self._shape.initial_deviations(state)
        deviations = [position, velocity, velocity * ACCELERATION][: derivatives + 1]
        self._filters = []
        for _ in manoeuvres:
            each = KalmanFilter(4 * (derivatives + 1), 4)
            each.x = np.concatenate([state, np.zeros(4 * derivatives)])[:, None]
            each.P = np.diag(np.concatenate(deviations) ** 2)
            each.H = np.eye(4, each.dim_x)
            self._filters.append(each)
        self._whole = self._filters[0]
        if len(manoeuvres) > 1:
            stay = np.full((2, 2), 1 - STAYING) + np.eye(2) * (2 * STAYING - 1)
            self._whole = IMMEstimator(self._filters, [0.9, 0.1], stay)

    @property
    def box(self) -> Boxes:
        return self._shape.box(self._whole.x[:4, 0])

    def predict(self, steps: float) -> Filters:
        other = deepcopy(self)
        position, velocity = self._shape.process_deviations(self._whole.x[:4, 0])
        for each, more in zip(other._filters, self._manoeuvres, strict=True):
            each.F = np.eye(each.dim_x) + steps * np.eye(each.dim_x, k=4)
            each.Q = np.zeros_like(each.P)
            each.Q[:8, :8] = process_noise(position, more * velocity, steps)
            if self._derivatives == 2:
                each.F += steps**2 / 2 * np.eye(each.dim_x, k=8)
                each.Q[8:, 8:] = np.diag((ACCELERATION * velocity) ** 2) * steps
        other._whole.predict()
        return other

    def update(self, box: Boxes) -> Filters:
        other = deepcopy(self)
        deviations = self._shape.measurement_deviations(self._whole.x[:4, 0])
        for each in other._filters:
            each.R = np.diag(deviations**2)
        other._whole.update(self._shape.state(box)[:, None])
        return other


MODELS: dict[str, Callable[[Boxes], Model]] = {
    'width_height': partial(KalmanBox.start, WidthHeight()),
    'aspect_height': partial(KalmanBox.start, AspectHeight()),
    'acceleration': partial(Filters, derivatives=2, manoeuvres=[1.0]),
    'interacting': partial(Filters, derivatives=1, manoeuvres=[1.0, MANOEUVRE]),
}


def generated(clips: int, frames: int, difficulty: str, scenario: str) -> Iterator[Boxes]:
    """Yield [T, 4] boxes of objects in network pixels, NaN where the object is not visible."""
    for seed in range(clips):
        clip = generate_clip(seed, frames, (96, 128), difficulty, scenario=scenario)
        scale = NETWORK_SIZE / np.array([128, 96, 128, 96])
        for k in range(clip.boxes.shape[1]):
            boxes = clip.boxes[:, k].astype(np.float64)
            boxes[~clip.visible[:, k]] = np.nan
            yield boxes * scale


def recorded(path: Path) -> Boxes:
    """Read [T, 4] boxes: an .npz with `box` and `image_size`, or lines of x, y, width, height."""
    if path.suffix == '.npz':
        with np.load(path) as clip:
            boxes, (width, height) = clip['box'].astype(np.float64), clip['image_size']
        boxes[(boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])] = np.nan
        return boxes * NETWORK_SIZE / np.array([width, height, width, height])
    boxes = np.loadtxt(path, delimiter=',', ndmin=2)[:, :4]
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def foreseen(boxes: Boxes, start: Callable[[Boxes], Model], step: int, seed: int) -> list[float]:
    """Return the IoU of every predicted box with the true one, after a warm-up."""
    blind = step == CASES['blind for ten frames']
    random = np.random.default_rng(seed)
    motion: Model | None = None
    seen, overlaps = 0, []
    for number in range(0, len(boxes), 1 if blind else step):
        box = boxes[number]
        if np.isnan(box).any():
            motion, seen = None, 0
            continue
        size = np.tile(box[2:] - box[:2], 2)
        measured = box + random.normal(0, DISTURBANCE, 4) * size
        if motion is None:
            motion = start(measured)
            continue
        motion = motion.predict(1 if blind else step)
        if not blind and seen > WARM_UP:
            overlaps.append(float(box_iou(motion.box, box)))
        motion = motion.update(measured)
        seen += 1
        if blind and seen > WARM_UP and number + step < len(boxes):
            later = boxes[number + step]
            if not np.isnan(later).any():
                overlaps.append(float(box_iou(motion.predict(step).box, later)))
    return overlaps


def compare(name: str, tracks: Sequence[Boxes]) -> None:
    for case, step in CASES.items():
        figures = []
        for start in MODELS.values():
            found = [
                value
                for seed, boxes in enumerate(tracks)
                for value in foreseen(boxes, start, step, seed)
            ]
            figures.append((np.mean(found), np.percentile(found, 10)) if found else (np.nan,) * 2)
        columns = '   '.join(f'{mean:6.4f} {low:6.3f}' for mean, low in figures)
        print(f'{name:22} {case:22} {len(tracks):4}   {columns}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--clips', type=int, default=20, help='generated, of each kind')
    parser.add_argument('--frames', type=int, default=150, help='of each clip')
    parser.add_argument('files', nargs='*', type=Path, help='.npz or lines of x,y,width,height')
    options = parser.parse_args()
    names = '   '.join(f'{name:13}' for name in MODELS)
    print(f'{"boxes":22} {"case":22} {"":4}   {names}')
    print(f'{"":22} {"":22} {"n":>4}   {"  mean   10 %   " * len(MODELS)}')
    for difficulty in ('easy', 'medium', 'hard') if options.clips else ():
        for scenario in ('plain', 're_entry'):
            tracks = list(generated(options.clips, options.frames, difficulty, scenario))
            compare(f'{difficulty}, {scenario}', tracks)
    for path in options.files:
        # All files of OTB have one name.
        name = path.parent.name if path.stem.startswith('groundtruth') else path.stem
        compare(name[:22], [recorded(path)])
    if len(options.files) > 1:
        compare('all files', [recorded(path) for path in options.files])


if __name__ == '__main__':
    main()
