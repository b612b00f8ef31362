# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The clip of the demonstration: two flamingos, a generated one, or a video of the user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path

import cv2
from graph import DemoError
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.run_length import uncompressed
from sam_tracker.rendering import Box
from sam_tracker.video.frame_source import VideoError
from sam_tracker.video.generated import generate_clip
from sam_tracker.video.scene_plan import Scenario
from sam_tracker.video.sources import open_source

REAL = Path(__file__).with_name('flamingos.mp4')
"""From DAVIS 2016, CC BY 4.0; the file beside it gives the source, prompts and masks."""
GENERATED = 'generated'
"""Value of VIDEO."""

# One object leaves and returns, the other stays; its textures and outlines were not used in the
# training. Chosen from a dozen clips because tracking succeeds; docs/nano.md has the averages.
SEED = 5
SCENARIO: Scenario = 're_entry'
DIFFICULTY = 'easy'
FRAMES, HEIGHT, WIDTH, RATE = 300, 480, 640, 30.0
FOLLOWED = 2


@dataclass(frozen=True)
class Clip:
    """A video file and the objects to track in it."""

    path: Path
    rate: float
    """Frames per second."""
    frame_count: int | None
    boxes: dict[str, Box]
    """Box on the first frame by label."""
    truth: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    """True masks [T, H, W] by label; not of every object."""


def clip_of_environment(environment: Mapping[str, str], folder: Path) -> Clip:
    """
    Return the video that VIDEO and BOX name, or else the one that comes with the demonstration.

    :param folder: for the clip of ``VIDEO=generated``.
    :raises DemoError: a variable is invalid; the text names it.
    """
    if not (video := environment.get('VIDEO', '')):
        return real_clip()
    if video == GENERATED:
        return generated_clip(folder)
    try:
        source = open_source(video)
    except VideoError as error:
        raise DemoError(f'VIDEO: {error}') from error
    frame = source.read()
    source.close()
    if frame is None or source.frame_count is None:
        raise DemoError(f'VIDEO={video!r} is an endless source')
    height, width = frame.bgr.shape[:2]
    box = _box(environment.get('BOX', ''), width, height)
    label = environment.get('LABEL', '') or 'object'
    return Clip(Path(video).expanduser(), source.rate, source.frame_count, {label: box})


def real_clip() -> Clip:
    """Return two flamingos, of which one has true masks."""
    known = json.loads(REAL.with_suffix('.json').read_text())
    source = open_source(str(REAL))
    first = source.read()
    source.close()
    assert first is not None
    height, width = first.bgr.shape[:2]
    truth = {
        label: np.array([uncompressed(each, width, height) != 0 for each in masks])
        for label, masks in known['masks'].items()
    }
    boxes: dict[str, Box] = {label: tuple(box) for label, box in known['prompts'].items()}
    return Clip(REAL, source.rate, source.frame_count, boxes, truth)


def generated_clip(folder: Path) -> Clip:
    """Write the generated clip as a video; the first visible objects are tracked."""
    clip = generate_clip(
        SEED, FRAMES, (HEIGHT, WIDTH), DIFFICULTY, held_out=True, scenario=SCENARIO
    )
    path = folder / 'clip.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), RATE, (WIDTH, HEIGHT))
    for frame in clip.frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    seen = np.flatnonzero(clip.visible[0])[:FOLLOWED]
    # Letters, to distinguish labels from the tracker's object ids.
    labels = {f'thing {chr(65 + index)}': index for index in seen}
    boxes = {label: _corners(clip.boxes[0, index]) for label, index in labels.items()}
    truth = {label: clip.masks == index + 1 for label, index in labels.items()}
    return Clip(path, RATE, FRAMES, boxes, truth)


def _box(text: str, width: int, height: int) -> Box:
    if not text:
        raise DemoError(
            f'BOX is not set: give BOX=x,y,w,h, the object on the first frame, of '
            f'{width}x{height} pixels'
        )
    try:
        x, y, w, h = (float(part) for part in text.split(','))
    except ValueError as error:
        raise DemoError(f'BOX={text!r} is not x,y,w,h') from error
    if not (w > 0 and h > 0 and x >= 0 and y >= 0 and x + w <= width and y + h <= height):
        raise DemoError(f'BOX={text!r} does not lie inside the frames of {width}x{height} pixels')
    return x, y, x + w, y + h


def _corners(box: NDArray[np.float32]) -> Box:
    x_min, y_min, x_max, y_max = box.tolist()
    return x_min, y_min, x_max, y_max
