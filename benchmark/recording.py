# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time to draw and to record an image of 1280x720 pixels with five objects of 300x300.

    python benchmark/recording.py

Processor time is printed beside wall time, which grows on a loaded machine.
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
    measure('draw_tracks', lambda _: draw_tracks(picture, tracks))
    mask = tracks[0].mask
    assert mask is not None
    measure('run lengths of one mask', lambda _: run_lengths(mask, (100, 100), WIDTH, HEIGHT))
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder))

        def record(number: int) -> None:
            moved = [track(object_id, number) for object_id in range(1, OBJECTS + 1)]
            frame = RecordedFrame(number * SECOND // 30, 'camera', WIDTH, HEIGHT, moved)
            recording.add(frame, np.roll(picture, 3 * number, axis=1))

        measure('recording an image', record)
        start = time.process_time()
        recording.finish()
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / recording.images
        print(
            f'completing the files of {recording.images} images: '
            f'{time.process_time() - start:.2f} s; {size / 1000:.0f} kB per image'
        )
    return 0


def measure(name: str, action: Callable[[int], object]) -> None:
    """Print the median times of an action, which gets the number of the repetition."""
    clock, processor = [], []
    for number in range(IMAGES):
        start, start_processor = time.perf_counter(), time.process_time()
        action(number)
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    print(
        f'{name:26} {1000 * statistics.median(processor):6.2f} ms processor time, '
        f'{1000 * statistics.median(clock):6.2f} ms wall time'
    )


def scenery() -> NDArray[np.uint8]:
    coarse = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT)), np.uint8)


def track(object_id: int, number: int) -> RecordedTrack:
    """Return an object that moves back and forth."""
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
