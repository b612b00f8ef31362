# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a follower over a sequence and keeps figures of every frame, not masks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
import time

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import PromptError
from sam_tracker.evaluation.followers.follower import Follower, Observation
from sam_tracker.evaluation.metrics.boxes import box_overlap
from sam_tracker.evaluation.metrics.identity import NOBODY, identity
from sam_tracker.evaluation.metrics.masks import boundary_accuracy, region_similarity
from sam_tracker.evaluation.sequence import DatasetError, Image, Target, VideoSequence, no_mask

Values = NDArray[np.float64]


@dataclass(frozen=True)
class TargetResult:
    """Results for one target of a sequence of T frames, from its prompt on."""

    target: Target
    boxes: Values
    """[T, 4] predicted; NaN where it was predicted absent."""
    present: NDArray[np.bool_]
    """[T] whether it was predicted present."""
    overlap: Values
    """[T] of the predicted and the true box; NaN where no true box is known."""
    region: Values
    """[T] J; NaN where no true mask is known."""
    boundary: Values
    """[T] F; NaN where no true mask is known."""
    shown: NDArray[np.bool_]
    """[T] whether the predicted or the true mask has a pixel."""
    identities: NDArray[np.int64]
    """[T] which object the mask shows, 0 for none."""


@dataclass(frozen=True)
class SequenceResult:
    """Results for one sequence."""

    sequence: str
    image_size: tuple[int, int]
    """Width and height."""
    targets: tuple[TargetResult, ...]
    seconds: float
    """Spent in the follower, over all frames."""
    frame_count: int


class _Record:
    """Figures of one target, collected frame by frame."""

    def __init__(self, target: Target, frame_count: int) -> None:
        self.target = target
        self.boxes = np.full((frame_count, 4), np.nan)
        self.present = np.zeros(frame_count, np.bool_)
        self.region = np.full(frame_count, np.nan)
        self.boundary = np.full(frame_count, np.nan)
        self.shown = np.zeros(frame_count, np.bool_)
        self.identities = np.full(frame_count, NOBODY, np.int64)

    def take(self, frame: int, observation: Observation, sequence: VideoSequence) -> None:
        if observation.box is not None:
            self.boxes[frame] = observation.box
        self.present[frame] = observation.present
        truth = self.target.mask(frame)
        if truth is not None:
            if truth.shape != observation.mask.shape:
                raise DatasetError(
                    f'{sequence.name}, frame {frame}: the true mask has'
                    f' {truth.shape[1]}x{truth.shape[0]} pixels, the image'
                    f' {observation.mask.shape[1]}x{observation.mask.shape[0]}'
                )
            self.region[frame] = region_similarity(observation.mask, truth)
            self.boundary[frame] = boundary_accuracy(observation.mask, truth)
            self.shown[frame] = truth.any() or observation.mask.any()
        object_ids = sequence.object_ids(frame)
        if object_ids is not None:
            self.identities[frame] = identity(observation.mask, object_ids)

    def result(self) -> TargetResult:
        overlap = box_overlap(self.boxes, self.target.boxes)
        overlap[: self.target.first_frame] = np.nan
        return TargetResult(
            target=replace(self.target, mask=no_mask),  # which may hold a whole clip
            boxes=self.boxes,
            present=self.present,
            overlap=overlap,
            region=self.region,
            boundary=self.boundary,
            shown=self.shown,
            identities=self.identities,
        )


Watcher = Callable[[int, Image, Mapping[int, Observation]], None]
"""Called with the number of a frame, the frame, and the observations by object id."""


def run(
    follower: Follower, sequence: VideoSequence, watch: Watcher | None = None
) -> SequenceResult:
    """
    Track all targets of a sequence from their prompts to its end.

    :param watch: called with every frame; it must not change its arguments.

    :raises DatasetError: the sequence is broken.
    """
    records = {
        target.object_id: _Record(target, sequence.frame_count) for target in sequence.targets
    }
    follower.begin()
    followed = False
    seconds = 0.0
    size = (0, 0)
    count = 0
    for number, image in enumerate(sequence.frames()):
        count += 1
        frame = Frame(image, number * sequence.frame_period)
        size = (frame.width, frame.height)
        start = time.perf_counter()
        observations = dict(follower.step(frame)) if followed else {}
        for target in sequence.targets:
            if target.first_frame == number:
                try:
                    observations[target.object_id] = follower.prompt(
                        frame, target.object_id, target.prompt
                    )
                except PromptError as error:
                    raise DatasetError(f'{sequence.name}, frame {number}: {error}') from error
                followed = True
        seconds += time.perf_counter() - start
        for object_id, observation in observations.items():
            records[object_id].take(number, observation, sequence)
        if watch is not None:
            watch(number, image, observations)
    if count != sequence.frame_count:
        raise DatasetError(f'{sequence.name} ends after {count} of {sequence.frame_count} frames')
    targets = tuple(record.result() for record in records.values())
    return SequenceResult(sequence.name, size, targets, seconds, count)
