# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What drawing and recording an image cost: five objects of 300x300 pixels on 1280x720.

    python benchmark/recording.py

Processor time is given beside the time on the clock, which a busy machine stretches.
"""

from collections.abc import Callable
from pathlib import Path
import statistics
import sys
import tempfile
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.run_length import run_lengths
from sam_tracker.core.time import SECOND
from sam_tracker.recording.frame import RecordedFrame, RecordedTrack
from sam_tracker.recording.recording import Recording
from sam_tracker.rendering import draw_tracks

WIDTH, HEIGHT, SIDE, OBJECTS, IMAGES = 1280, 720, 300, 5, 120


def main() -> int:
    picture = scenery()
    tracks = [track(object_id, 0) for object_id in range(1, OBJECTS + 1)]
    show('draw_tracks', lambda _: draw_tracks(picture, tracks))
    mask = tracks[0].mask
    assert mask is not None
    show('run lengths of one mask', lambda _: run_lengths(mask, (100, 100), WIDTH, HEIGHT))
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder))

        def record(number: int) -> None:
            moved = [track(object_id, number) for object_id in range(1, OBJECTS + 1)]
            frame = RecordedFrame(number * SECOND // 30, 'camera', WIDTH, HEIGHT, moved)
            recording.add(frame, np.roll(picture, 3 * number, axis=1))

        show('recording an image', record)
        start = time.process_time()
        recording.finish()
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / recording.images
        sys.stdout.write(
            f'completing the files of {recording.images} images: '
            f'{time.process_time() - start:.2f} s; {size / 1000:.0f} kB for each image\n'
        )
    return 0


def show(name: str, action: Callable[[int], object]) -> None:
    """Print the median times of an action that is given the number of its turn."""
    clock, processor = [], []
    for number in range(IMAGES):
        start, start_processor = time.perf_counter(), time.process_time()
        action(number)
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    sys.stdout.write(
        f'{name:26} {1000 * statistics.median(processor):6.2f} ms of processor, '
        f'{1000 * statistics.median(clock):6.2f} ms on the clock\n'
    )
    sys.stdout.flush()


def scenery() -> NDArray[np.uint8]:
    coarse = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT)), np.uint8)


def track(object_id: int, number: int) -> RecordedTrack:
    """Return an object that moves to and fro."""
    x = min(40 + 200 * (object_id - 1) + number, WIDTH - SIDE)
    y = 60 * object_id
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (SIDE // 2, SIDE // 2), SIDE // 2 - 5, 255, -1)
    box = (float(x), float(y), float(x + SIDE), float(y + SIDE))
    return RecordedTrack(
        object_id, 'mug', box=box, predicted_box=box, mask=mask, mask_origin=(x, y)
    )


if __name__ == '__main__':
    sys.exit(main())
