# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Compares two parametrisations of the Kalman filter by their prediction of boxes.

    python benchmark/motion.py

The filter tracks the exact boxes of generated clips, and of files of boxes named as arguments,
with noise of 2 % of their size, like a network's. It predicts the box before each frame: on every
frame, on every third, and ten frames ahead without updates. Printed are mean and 10th percentile
of the IoU of predicted and true boxes.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import box_iou
from sam_tracker.tracking.motion.kalman_box import KalmanBox
from sam_tracker.tracking.motion.parametrisation import AspectHeight, Parametrisation, WidthHeight
from sam_tracker.video.generated import generate_clip

NETWORK_SIZE = 1024
DISTURBANCE = 0.02
WARM_UP = 15
Boxes = NDArray[np.float64]
PARAMETRISATIONS = {'width_height': WidthHeight(), 'aspect_height': AspectHeight()}
CASES = {'every frame': 1, 'every third frame': 3, 'blind for ten frames': 10}


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


def foreseen(boxes: Boxes, parametrisation: Parametrisation, step: int, seed: int) -> list[float]:
    """Return the IoU of every predicted box with the true one, after a warm-up."""
    blind = step == CASES['blind for ten frames']
    random = np.random.default_rng(seed)
    motion: KalmanBox | None = None
    seen, overlaps = 0, []
    for number in range(0, len(boxes), 1 if blind else step):
        box = boxes[number]
        if np.isnan(box).any():
            motion, seen = None, 0
            continue
        size = np.tile(box[2:] - box[:2], 2)
        measured = box + random.normal(0, DISTURBANCE, 4) * size
        if motion is None:
            motion = KalmanBox.start(parametrisation, measured)
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
        for parametrisation in PARAMETRISATIONS.values():
            found = [
                value
                for seed, boxes in enumerate(tracks)
                for value in foreseen(boxes, parametrisation, step, seed)
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
    names = '   '.join(f'{name:13}' for name in PARAMETRISATIONS)
    print(f'{"boxes":22} {"case":22} {"":4}   {names}')
    print(f'{"":22} {"":22} {"n":>4}   {"  mean   10 %   " * 2}')
    for difficulty in ('easy', 'medium', 'hard'):
        for scenario in ('plain', 're_entry'):
            tracks = list(generated(options.clips, options.frames, difficulty, scenario))
            compare(f'{difficulty}, {scenario}', tracks)
    for path in options.files:
        compare(path.stem[:22], [recorded(path)])


if __name__ == '__main__':
    main()
