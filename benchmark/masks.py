# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Cost of a mask on the wire: as bytes and as run lengths.

    python benchmark/masks.py

A round object and a ragged one of several sizes are put into a message, serialised, read back and
decoded, in one process and without transport. Times are processor time, medians.
"""

import argparse
from collections.abc import Callable
from functools import partial
import statistics
import time

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message, serialize_message

from sam_tracker.core.boxes import Region
from sam_tracker.core.run_length import MASK_ENCODINGS
from sam_tracker.msg import Mask
from sam_tracker.ros.messages.masks import mask_message, mask_pixels

SIZES = ((80, 60), (320, 240), (960, 540), (1920, 1080))
RATE = 30


def disc(width: int, height: int) -> NDArray[np.uint8]:
    """Return an ellipse that fills the box."""
    mask = np.zeros((height, width), np.uint8)
    axes = (width / 2, height / 2)
    cv2.ellipse(mask, (axes, (width, height), 0.0), (255,), cv2.FILLED)
    return mask


def ragged(width: int, height: int) -> NDArray[np.uint8]:
    """Return noise of a few pixels' grain: many more runs than masks usually have."""
    coarse = np.random.default_rng(0).standard_normal((height // 4, width // 4)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return ((smooth > 0) * np.uint8(255)).astype(np.uint8)


def read(wire: bytes) -> NDArray[np.uint8] | None:
    return mask_pixels(deserialize_message(wire, Mask))


def milliseconds(action: Callable[[], object], repetitions: int) -> float:
    """Return the median processor time of an action in ms, after two repetitions to warm up."""
    times = []
    for repetition in range(repetitions + 2):
        start = time.thread_time()
        action()
        if repetition >= 2:
            times.append(time.thread_time() - start)
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description='Masks as bytes and as run lengths.')
    parser.add_argument('--repetitions', type=int, default=31)
    repetitions = parser.parse_args().repetitions
    print(
        f'{"mask":>22} {"encoding":>12} {"bytes":>9} {f"MB/s at {RATE} Hz":>14}  make  send  read'
    )
    for width, height in SIZES:
        for make in (disc, ragged):
            crop = make(width, height)
            region = Region(0, 0, width, height)
            for encoding in MASK_ENCODINGS:
                message = mask_message(region, crop, encoding)
                wire = serialize_message(message)
                times = [
                    milliseconds(action, repetitions)
                    for action in (
                        partial(mask_message, region, crop, encoding),
                        partial(serialize_message, message),
                        partial(read, wire),
                    )
                ]
                name = f'{make.__name__} {width}x{height}'
                print(
                    f'{name:>22} {encoding:>12} {len(wire):9} {len(wire) * RATE / 1e6:14.2f}'
                    + ''.join(f' {each:5.2f}' for each in times)
                )
    print('make, send, read: ms of processor time')


if __name__ == '__main__':
    main()
