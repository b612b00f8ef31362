# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Evaluation of one correcting click on generated clips, whose ground truth is known.

An object is prompted on the first frame. On that frame, or on a later one, a click goes into the
middle of the largest error of its mask, as in the evaluation of interactive segmentation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import NEGATIVE, POSITIVE, Prompt, PromptError
from sam_tracker.evaluation.readers.generated_clips import prompt_from_mask
from sam_tracker.evaluation.sequence import Mask
from sam_tracker.networks.api import VideoNetwork
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.track import TrackState
from sam_tracker.tracking.tracker import Tracker

FIRST_PROMPTS = ('box', 'point', 'mask')
SMALLEST_ERROR = 3.0
"""Pixels from the middle of an error to its border, below which no click is made."""
MASK_MARGIN = 3
"""Pixels by which a mask prompt is drawn too large."""


@dataclass(frozen=True)
class Correction:
    """Effect of one click on one object."""

    first_prompt: str
    """One of FIRST_PROMPTS."""
    label: int
    """POSITIVE or NEGATIVE."""
    frame: int
    """Number of the frame that was clicked."""
    before: float
    """IoU with the truth on that frame."""
    after: float
    refused: bool
    """Whether the tracker refused the click; then nothing changed."""
    vanished: bool
    """Whether the mask was empty afterwards."""
    later_before: float
    """IoU on the last frame without the click; NaN where it was the last, or shows no object."""
    later_after: float


def corrections(
    network: VideoNetwork,
    settings: TrackerSettings,
    frames: NDArray[np.uint8],
    truth: NDArray[np.bool_],
) -> Iterator[Correction]:
    """
    Correct each of FIRST_PROMPTS on the first and on the last of the frames.

    :param frames: [T, H, W, 3].
    :param truth: [T, H, W], masks of one object that the first frame shows.
    :returns: the corrections, only where there was something to correct.
    """
    images = [
        Frame(pixels, number * settings.frame_period) for number, pixels in enumerate(frames)
    ]
    last = len(images) - 1
    for kind in FIRST_PROMPTS:
        prompt = _first_prompt(truth[0], kind)
        tracker = Tracker(network, settings)
        masks = [_mask(tracker, tracker.add_prompt(images[0], prompt).object_id)]
        for image in images[1:]:
            tracker.step(image)
            masks.append(_mask(tracker, 1))
        # The last frame comes first: its tracker is already there.
        for number in sorted({0, last}, reverse=True):
            click = correcting_click(masks[number], truth[number])
            if click is None or not truth[number].any():
                continue
            if number < last:
                tracker = Tracker(network, settings)
                tracker.add_prompt(images[0], prompt)
            refused = False
            try:
                tracker.add_prompt(images[number], click, object_id=1)
            except PromptError:
                refused = True
            after = _mask(tracker, 1)
            for image in images[number + 1 :]:
                tracker.step(image)
            later = number < last and truth[last].any()
            yield Correction(
                first_prompt=kind,
                label=int(click.labels[0]),
                frame=number,
                before=_iou(masks[number], truth[number]),
                after=_iou(after, truth[number]),
                refused=refused,
                vanished=not after.any(),
                later_before=_iou(masks[last], truth[last]) if later else np.nan,
                later_after=_iou(_mask(tracker, 1), truth[last]) if later else np.nan,
            )


def correcting_click(mask: Mask, truth: Mask) -> Prompt | None:
    """Return a click into the middle of the larger kind of error; None: it is too small."""
    missed, surplus = truth & ~mask, mask & ~truth
    label = POSITIVE if missed.sum() >= surplus.sum() else NEGATIVE
    error = np.pad(missed if label == POSITIVE else surplus, 1).astype(np.uint8)
    depth = cv2.distanceTransform(error, cv2.DIST_L2, 5)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    if depth[y, x] < SMALLEST_ERROR:
        return None
    return Prompt(points=np.array([[x - 0.5, y - 0.5]]), labels=np.array([label]))


def _first_prompt(truth: Mask, kind: str) -> Prompt:
    if kind == 'mask':
        size = 2 * MASK_MARGIN + 1
        truth = cv2.dilate(truth.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    return prompt_from_mask(truth, kind)


def _mask(tracker: Tracker, object_id: int) -> Mask:
    track = next(track for track in tracker.objects if track.object_id == object_id)
    if track.state is TrackState.TRACKED:
        return track.mask
    return np.zeros(track.image_size[::-1], np.bool_)


def _iou(mask: Mask, truth: Mask) -> float:
    return float((mask & truth).sum() / max((mask | truth).sum(), 1))
