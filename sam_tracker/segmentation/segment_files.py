# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Write candidates to files, and format them as a table."""

from __future__ import annotations

from collections.abc import Sequence
import json
from pathlib import Path
import re
from typing import Any

import cv2
import numpy as np

from sam_tracker.command_line import table
from sam_tracker.contact_sheet import contact_sheet
from sam_tracker.core.prompt import NEGATIVE, POSITIVE, Prompt
from sam_tracker.core.run_length import run_lengths
from sam_tracker.rendering import (
    Image,
    draw_box,
    draw_masks,
    draw_points,
    object_colour,
)
from sam_tracker.segmentation.mask_candidate import MaskCandidate

HEADINGS = ('mask', 'x', 'y', 'w', 'h', 'area', 'predicted IoU', 'stability', 'text', 'label')

PICTURE = 'overlay.png'
COCO = 'masks_coco.json'
MASKS = 'masks'
"""Folder with a black and white image of each mask, as large as the image: 0001.png and so on."""


def write_answer(
    folder: Path, picture: Image, candidates: Sequence[MaskCandidate], prompt: Prompt | None
) -> Path:
    """
    Write overlay, masks and COCO file into a folder, and return the folder.

    :param picture: the segmented image, (height, width, 3) uint8 BGR.
    :param prompt: the prompt, if there was one; its candidates are drawn side by side.
    :raises OSError: a file cannot be written.
    """
    masks = folder / MASKS
    masks.mkdir(parents=True, exist_ok=True)
    for old in masks.iterdir():
        if re.fullmatch(r'\d{4,}\.png', old.name):
            old.unlink()
    for number, candidate in enumerate(candidates, 1):
        _write_image(masks / f'{number:04}.png', candidate.mask.view(np.uint8) * np.uint8(255))
    results = [_coco_result(candidate) for candidate in candidates]
    (folder / COCO).write_text(
        '[\n' + ',\n'.join(json.dumps(one, ensure_ascii=False) for one in results) + '\n]\n',
        encoding='utf-8',
    )
    _write_image(folder / PICTURE, overlay(picture, candidates, prompt))
    return folder


def overlay(
    picture: Image, candidates: Sequence[MaskCandidate], prompt: Prompt | None = None
) -> Image:
    """
    Return a new image with the candidates drawn, (height, width, 3) uint8 BGR.

    Candidates of one prompt overlap, so they are drawn on separate images, side by side, with the
    prompt. Others are drawn on one image, numbered as in the table.
    """
    if prompt is None:
        together = picture.copy()
        draw_masks(together, [_placed(candidate) for candidate in candidates])
        return together
    pictures = []
    for candidate in candidates:
        alone = picture.copy()
        draw_masks(alone, [_placed(candidate)], numbered=False)
        if prompt.box is not None:
            draw_box(alone, tuple(prompt.box), object_colour(2))
        for label in (POSITIVE, NEGATIVE):
            draw_points(alone, prompt.points[prompt.labels == label], label == POSITIVE)
        pictures.append(alone)
    if len(pictures) == 1:
        return pictures[0]
    captions = [
        f'{number}: IoU {candidate.predicted_iou:.2f}, stable {candidate.stability_score:.2f}'
        for number, candidate in enumerate(candidates, 1)
    ]
    return contact_sheet(pictures, captions, columns=len(pictures))


def candidates_table(candidates: Sequence[MaskCandidate]) -> str:
    """Format candidates as a table, one line each under a header."""
    rows = []
    for number, candidate in enumerate(candidates, 1):
        region = candidate.region
        box = ['-'] * 4
        if region is not None:
            box = [str(size) for size in (region.x, region.y, region.width, region.height)]
        rows.append(
            (
                str(number),
                *box,
                str(candidate.area),
                f'{candidate.predicted_iou:.2f}',
                f'{candidate.stability_score:.2f}',
                f'{candidate.text_score:.2f}' if candidate.label else '-',
                candidate.label or '-',
            )
        )
    return table(HEADINGS, rows, left=(9,))


def _coco_result(candidate: MaskCandidate) -> dict[str, Any]:
    """Return an entry of a COCO result file, with further fields that COCO does not define."""
    crop, origin = _placed(candidate)
    # Without `bbox`: pycocotools would take the area of the box for that of the mask.
    return {
        'image_id': 1,
        'category_id': 1,
        'area': candidate.area,
        'score': candidate.predicted_iou,
        'stability_score': candidate.stability_score,
        'label': candidate.label,
        'text_score': candidate.text_score,
        'point': candidate.point,
        'segmentation': run_lengths(crop, origin, *candidate.image_size),
    }


def _placed(candidate: MaskCandidate) -> tuple[Image, tuple[int, int]]:
    region = candidate.region
    return candidate.mask_crop, (0, 0) if region is None else (region.x, region.y)


def _write_image(path: Path, image: Image) -> None:
    encoded, data = cv2.imencode('.png', image)
    assert encoded
    path.write_bytes(data.tobytes())
