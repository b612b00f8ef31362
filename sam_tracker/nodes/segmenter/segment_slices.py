# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Segmentation in slices, each of about the cost of tracking one object on one image.

Measured with nano on one core (`benchmark/segmentation.py --slices`); larger networks spend more
on encoding and relatively less on points and masks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sam_tracker.networks.api import SuitedSettings
from sam_tracker.segmentation.generator_settings import MaskGeneratorSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rclpy.impl.rcutils_logger import RcutilsLogger

    from sam_tracker.core.prompt import Prompt
    from sam_tracker.ros.parameters.segmentation import EverythingParameters
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter
    from sam_tracker.segmentation.mask_candidate import MaskCandidate
    from sam_tracker.segmentation.mask_generator import GenerationProgress, MaskGenerator

POINTS_AT_ONCE = 12
"""Points of the grid that prompt the network in one slice."""
MASK_PIXELS_AT_ONCE = 3_000_000
"""Pixels of the masks that are resized to the image in one slice."""
LOG_PERIOD = 5.0
"""Seconds between two log lines about the same work."""

Slices = Generator[None, None, tuple['list[MaskCandidate]', int]]
"""Returns the candidates that were kept, and how many were found."""
Keep = Callable[[list['MaskCandidate']], list['MaskCandidate']]


def prompted(
    segmenter: ImageSegmenter,
    pixels: NDArray[np.uint8],
    batches: Iterable[list[Prompt]],
    *,
    several: bool,
    keep: Keep,
) -> Slices:
    """
    Segment by prompts: the first slice encodes the image, each other one decodes a batch.

    :param pixels: [H, W, 3] RGB.
    :param several: as for ``ImageSegmenter.segment``.
    :param keep: returns the candidates to keep, after every batch.
    :returns: the candidates, by prompt and then best first; and how many there were.
    """
    found: list[MaskCandidate] = []
    count = 0
    encoded = segmenter.encode(pixels)
    first_index = 0
    for batch in batches:
        yield
        for answers in segmenter.segment(encoded, batch, several=several):
            found += [replace(one, prompt_index=first_index + one.prompt_index) for one in answers]
            count += len(answers)
        found = keep(found)
        first_index += len(batch)
    return found, count


class Generation:
    """Segmentation of everything on one image, with its progress."""

    def __init__(self, generator: MaskGenerator, log: RcutilsLogger, keep: Keep) -> None:
        self._generator = generator
        self._keep = keep
        self._log = log
        self._last: GenerationProgress | None = None

    @property
    def progress(self) -> str:
        if self._last is None:
            return 'it has not started'
        return f'{self._last.points_done} of {self._last.points} points are asked'

    def slices(self, pixels: NDArray[np.uint8]) -> Slices:
        """
        Do one step of the generator in each slice.

        :param pixels: [H, W, 3] RGB.
        :returns: the candidates, best first; and how many there were.
        """
        steps = self._generator.steps(pixels)
        while True:
            try:
                self._last = next(steps)
            except StopIteration as end:
                found: list[MaskCandidate] = end.value
                return self._keep(found), len(found)
            self._log.info(f'everything: {self.progress}', throttle_duration_sec=LOG_PERIOD)
            yield


def masks_at_once(width: int, height: int) -> int:
    """Return how many masks of an image of that size, or prompts for them, make one slice."""
    return min(max(MASK_PIXELS_AT_ONCE // (width * height), 1), POINTS_AT_ONCE)


def generator_settings(
    everything: EverythingParameters, suited: SuitedSettings, width: int, height: int
) -> MaskGeneratorSettings:
    """
    Return the settings for segmenting everything.

    :param suited: values for what the parameters leave to the network.
    :param width: columns of the image.
    :param height: rows of the image.
    """
    given: dict[str, Any] = {
        'points_per_side': everything.points_per_side,
        'predicted_iou': everything.predicted_iou,
        'stability_score': everything.stability_score,
    }
    return replace(
        MaskGeneratorSettings.for_network(suited),
        points_per_batch=POINTS_AT_ONCE,
        masks_per_batch=masks_at_once(width, height),
        crop_layers=everything.crop_layers,
        **{name: value for name, value in given.items() if value is not None},
    )
