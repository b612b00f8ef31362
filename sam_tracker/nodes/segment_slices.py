# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Segmentation in slices, none of which takes longer than tracking an image.

Measured with nano on one core: encoding an image takes half of the time in which an image with one
object is tracked, 16 points two thirds of it, 32 points more than all of it. Larger networks spend
more on encoding, so that a slice of points is a smaller part.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sam_tracker.segmentation.generator_settings import MaskGeneratorSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rclpy.impl.rcutils_logger import RcutilsLogger

    from sam_tracker.ros.segmentation_parameters import SegmentationParameters
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter
    from sam_tracker.segmentation.mask_candidate import MaskCandidate
    from sam_tracker.segmentation.mask_generator import GenerationProgress, MaskGenerator
    from sam_tracker.tracking.prompt import Prompt

PROMPTS_AT_ONCE = 16
"""Prompts in one slice, or points of a grid."""
LOG_PERIOD = 5.0
"""Seconds between two log lines about the same work."""

Slices = Generator[None, None, 'list[MaskCandidate]']


def prompted(
    segmenter: ImageSegmenter,
    pixels: NDArray[np.uint8],
    batches: Iterable[list[Prompt]],
    *,
    several: bool,
) -> Slices:
    """
    Answer prompts: the first slice encodes the image, each other one answers a batch.

    :param pixels: [H, W, 3] RGB.
    :param several: as for ``ImageSegmenter.segment``.
    :returns: the candidates, by prompt and then best first.
    """
    found: list[MaskCandidate] = []
    encoded = segmenter.encode(pixels)
    first_index = 0
    for batch in batches:
        yield
        for answers in segmenter.segment(encoded, batch, several=several):
            found += [replace(one, prompt_index=first_index + one.prompt_index) for one in answers]
        first_index += len(batch)
    return found


class Generation:
    """Everything there is on one image, and how far the work has come."""

    def __init__(self, generator: MaskGenerator, log: RcutilsLogger) -> None:
        self._generator = generator
        self._log = log
        self._last: GenerationProgress | None = None

    @property
    def progress(self) -> str:
        if self._last is None:
            return 'it has not begun'
        return f'{self._last.points_done} of {self._last.points} points are asked'

    def slices(self, pixels: NDArray[np.uint8]) -> Slices:
        """
        Do one step of the generator at a time.

        :param pixels: [H, W, 3] RGB.
        :returns: the candidates, best first.
        """
        steps = self._generator.steps(pixels)
        while True:
            try:
                self._last = next(steps)
            except StopIteration as end:
                found: list[MaskCandidate] = end.value
                return found
            self._log.info(f'everything: {self.progress}', throttle_duration_sec=LOG_PERIOD)
            yield


def generator_settings(parameters: SegmentationParameters, model: str) -> MaskGeneratorSettings:
    """Return how everything is looked for; ``model`` fills in what depends on it."""
    suited = MaskGeneratorSettings.for_network(model)
    predicted_iou = parameters.everything_predicted_iou
    stability_score = parameters.everything_stability_score
    return replace(
        suited,
        points_per_side=parameters.everything_points_per_side or suited.points_per_side,
        points_per_batch=PROMPTS_AT_ONCE,
        predicted_iou=suited.predicted_iou if predicted_iou < 0 else predicted_iou,
        stability_score=suited.stability_score if stability_score < 0 else stability_score,
        crop_layers=parameters.everything_crop_layers,
    )
