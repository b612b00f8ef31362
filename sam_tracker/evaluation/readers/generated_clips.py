# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Held-out generated clips, from seeds, textures and outlines not used in training."""

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.prompt import POSITIVE, Prompt
from sam_tracker.evaluation.sequence import (
    Dataset,
    Image,
    Mask,
    Target,
    VideoSequence,
    box_of_mask,
)
from sam_tracker.video.generated import GeneratedClip, generate_clip
from sam_tracker.video.scene_plan import Scenario

PROMPT_KINDS = ('box', 'point', 'mask')
FIRST_SEED = 10_000


def generated(
    prompt_kind: str,
    difficulty: str | float,
    scenario: Scenario | None,
    clips: int,
    frames: int,
    size: int,
    first_seed: int = FIRST_SEED,
) -> Dataset:
    """
    Return clips with object 1, the one that the scenario affects, as the target.

    :param prompt_kind: 'box', 'point' (one click, deep inside the object) or 'mask', all taken
        from the true mask of the first frame.
    :param difficulty: as ``generate_clip`` takes it.
    :param size: side of the square frames.

    :raises ValueError: unknown difficulty, scenario or kind of prompt.
    """
    if prompt_kind not in PROMPT_KINDS:
        raise ValueError(f'prompt is {prompt_kind!r}, not one of {", ".join(PROMPT_KINDS)}')
    part = scenario or 'any'
    names = {f'{difficulty}/{part}/{seed}': seed for seed in range(first_seed, first_seed + clips)}

    def open_clip(name: str) -> VideoSequence:
        clip = generate_clip(
            names[name], frames, size, difficulty, held_out=True, scenario=scenario
        )
        return clip_sequence(name, clip, prompt_kind)

    return Dataset(f'{difficulty}, {part}', list(names), open_clip)


def clip_sequence(name: str, clip: GeneratedClip, prompt_kind: str) -> VideoSequence:
    """Return a clip with its object 1 as the target, from the first frame that shows it."""
    visible, boxes = clip.visible[:, 0], clip.boxes[:, 0].astype(np.float64)
    first = int(np.argmax(visible))
    # Frames on which only a few pixels are left are not counted.
    judged = visible | np.isnan(boxes[:, 0])
    target = Target(
        1,
        first,
        prompt_from_mask(clip.masks[first] == 1, prompt_kind),
        boxes,
        visible,
        mask=partial(_object_mask, clip.masks, 1),
        judged=judged,
    )

    def object_ids(frame: int) -> NDArray[np.uint8]:
        return clip.masks[frame]

    def frames() -> 'map[Image]':
        return map(np.asarray, clip.frames)

    return VideoSequence(name, len(clip.frames), frames, (target,), object_ids)


def prompt_from_mask(mask: Mask, kind: str) -> Prompt:
    """Return the prompt of one of PROMPT_KINDS for a mask [H, W]."""
    if kind == 'mask':
        return Prompt(mask=mask)
    if kind == 'box':
        return Prompt(box=box_of_mask(mask))
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Prompt(points=np.array([[x - 0.5, y - 0.5]]), labels=np.array([POSITIVE]))


def _object_mask(masks: NDArray[np.uint8], object_id: int, frame: int) -> Mask:
    return np.asarray(masks[frame] == object_id)
