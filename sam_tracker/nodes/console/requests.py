# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Commands of a page as requests of the tracker's services, and answers as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from std_msgs.msg import Header

from sam_tracker.msg import Prompt
from sam_tracker.nodes.console.commands import AddPrompt, FindCandidates, Pointing, Rename
from sam_tracker.ros.messages.masks import mask_message, mask_pixels
from sam_tracker.ros.messages.prompt_requests import prompt_message
from sam_tracker.ros.messages.stamps import time_message
from sam_tracker.srv import AddPrompt as AddPromptService
from sam_tracker.srv import SegmentImage
from sam_tracker.web.frame_packet import css_colour
from sam_tracker.web.mask_runs import row_runs

if TYPE_CHECKING:
    from sam_tracker.msg import MaskCandidate

MOST_CANDIDATES = 20
"""Candidates of one answer: more cannot be distinguished on the page."""


def add_prompt_request(command: AddPrompt) -> AddPromptService.Request:
    prompt = _prompt(command.pointing, command.object_id, command.label)
    return AddPromptService.Request(prompt=prompt)


def rename_request(command: Rename) -> AddPromptService.Request:
    """Return a request with a label and nothing that was pointed at."""
    prompt = Prompt(object_id=command.object_id, label=command.label)
    return AddPromptService.Request(prompt=prompt)


def candidates_request(command: FindCandidates) -> SegmentImage.Request:
    """Return a request for three candidates of what was pointed at, or for what a text names."""
    request = SegmentImage.Request(
        header=_header(command.pointing), include_masks=True, max_candidates=MOST_CANDIDATES
    )
    if command.text:
        request.mode, request.text = SegmentImage.Request.MODE_TEXT, command.text
        return request
    request.mode = SegmentImage.Request.MODE_PROMPTS
    request.multiple_candidates = True
    request.prompts = [_prompt(command.pointing)]
    return request


def candidates_answer(response: SegmentImage.Response) -> dict[str, Any]:
    """
    Return the candidates of an answer, from the smallest to the largest.

    The network orders them by its score; people choose from part to whole.
    """
    candidates = sorted(response.candidates, key=lambda each: each.area)
    stamp = response.header.stamp
    return {
        'stamp': [stamp.sec, stamp.nanosec],
        'frame_id': response.header.frame_id,
        'candidates': [
            _candidate(number, each) for number, each in enumerate(candidates, 1) if each.area
        ],
    }


def _candidate(number: int, candidate: MaskCandidate) -> dict[str, Any]:
    region = candidate.mask.region
    crop = mask_pixels(candidate.mask)
    assert crop is not None
    return {
        'label': candidate.label,
        'colour': css_colour(number),
        'area': candidate.area,
        'predicted_iou': round(float(candidate.predicted_iou), 4),
        'stability': round(float(candidate.stability_score), 4),
        'mask': {
            'x': region.x_offset,
            'y': region.y_offset,
            'width': region.width,
            'height': region.height,
            'runs': row_runs(crop).tolist(),
        },
    }


def _prompt(pointing: Pointing, object_id: int = 0, label: str = '') -> Prompt:
    message = prompt_message(
        _header(pointing),
        pointing.points,
        pointing.point_labels,
        pointing.box,
        object_id=object_id,
        label=label,
    )
    if pointing.mask is not None:
        message.mask = mask_message(pointing.mask.region, pointing.mask.crop)
    return message


def _header(pointing: Pointing) -> Header:
    return Header(stamp=time_message(pointing.stamp), frame_id=pointing.frame_id)
