# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time of measuring the camera's motion by the images, and its benefit for predicted boxes.

    python benchmark/camera_motion.py [FOLDER]

Printed is the processor time for an image of 640x480. With a folder of recorded sequences (as
``evaluation real`` finds them), a Kalman filter follows the true boxes, with noise of 2 % of their
size, like a network's, on every frame and on every third. It predicts the box before each frame:
without the camera's motion, always with it, and with it where it helps, as the tracker does.
Printed is the mean IoU of predicted and true boxes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
import time
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.camera_motion.image_flow import ImageFlow
from sam_tracker.core.boxes import Box, box_iou
from sam_tracker.core.frame import Frame
from sam_tracker.evaluation.readers.real import real
from sam_tracker.evaluation.sequence import VideoSequence
from sam_tracker.tracking.motion.camera_aware import CameraAwareBox
from sam_tracker.tracking.motion.kalman_box import KalmanBox
from sam_tracker.tracking.motion.parametrisation import WidthHeight

DISTURBANCE = 0.02
WARM_UP = 5
STEPS = (1, 3)
Turn: TypeAlias = NDArray[np.float64] | None
"""Motion of the camera [3, 3], where it is known."""


def timed(repetitions: int = 100) -> float:
    """Return milliseconds of processor time for an image of a stream."""
    random = np.random.default_rng(0)
    scenery = cv2.resize(random.integers(0, 255, (60, 80, 3), np.uint8), (1000, 600))
    frames = [Frame(scenery[60:540, 8 * n : 8 * n + 640].copy(), n) for n in range(20)]
    flow, box, spent = ImageFlow(), np.array([280.0, 200, 360, 280]), 0.0
    for number in range(repetitions):
        previous, frame = frames[number % 19], frames[number % 19 + 1]
        flow.between(
            previous, previous, [box]
        )  # as a stream leaves it: the frame before is reduced
        start = time.process_time()
        flow.between(previous, frame, [box])
        spent += time.process_time() - start
    return 1000 * spent / repetitions


def motions(sequence: VideoSequence, boxes: NDArray[np.float64], step: int) -> list[Turn]:
    """Return the motion of the camera between frames that are ``step`` apart; None: not known."""
    flow, previous, found = ImageFlow(), None, []
    for number, image in enumerate(sequence.frames()):
        if number % step:
            continue
        frame = Frame(image, number)
        if previous is not None:
            before = boxes[number - step]
            known = [] if np.isnan(before).any() else [before]
            found.append(flow.between(previous, frame, known))
        previous = frame
    return found


def foreseen(boxes: Sequence[Box], camera: Sequence[Turn], step: int) -> NDArray[np.float64]:
    """Return the mean IoU of predicted and true boxes of each model."""
    random, models, seen, overlaps = np.random.default_rng(1), None, 0, []
    for box, motion in zip(boxes[1:], camera, strict=True):
        if np.isnan(box).any():
            models, seen = None, 0
            continue
        measured = box + random.normal(0, DISTURBANCE, 4) * np.tile(box[2:] - box[:2], 2)
        if models is None:
            start = KalmanBox.start(WidthHeight(), measured)
            models = start, start, CameraAwareBox(start)
            continue
        told = (None, motion, motion)
        models = [each.predict(step, told[k]) for k, each in enumerate(models)]
        seen += 1
        if seen > WARM_UP:
            overlaps.append([float(box_iou(each.box, box)) for each in models])
        models = [each.update(measured) for each in models]
    return np.mean(overlaps, axis=0) if overlaps else np.full(3, np.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('folder', nargs='?', type=Path, help='of recorded sequences')
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f'processor time for an image of 640x480: {timed():.2f} ms')
    if options.folder is None:
        return
    dataset = real(options.folder)
    columns = 'ignored  always  where it helps'
    print(f'{"":28} every frame: {columns}   every third: {columns}   not known')
    table = []
    for name in dataset.sequence_names:
        sequence = dataset.open_sequence(name)
        boxes = sequence.targets[0].boxes
        row, unknown = [], 0.0
        for step in STEPS:
            camera = motions(sequence, boxes, step)
            row += [*foreseen(boxes[::step], camera, step)]
            if step == 1:
                unknown = np.mean([each is None for each in camera])
        if np.isnan(row).any():
            continue
        table.append(row)
        print(f'{name:40} ' + '   '.join(f'{value:.3f}' for value in row) + f'   {unknown:4.0%}')
    print(f'{"mean":40} ' + '   '.join(f'{value:.3f}' for value in np.mean(table, axis=0)))


if __name__ == '__main__':
    main()
