# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Video files for tests."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def write_video(
    path: Path, images: Iterable[np.ndarray], rate: float = 25.0, codec: str = 'MJPG'
) -> Path:
    """Write images [H, W, 3] BGR of one size as a video, and return its path."""
    images = list(images)
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, (width, height))
    for image in images:
        writer.write(np.ascontiguousarray(image))
    writer.release()
    return path


def grey_images(count: int, step: int, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    """Return images of a width and height, the one of number n of the grey value ``step`` n."""
    return [np.full((size[1], size[0], 3), step * number, np.uint8) for number in range(count)]
