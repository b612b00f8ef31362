# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of single-image segmentation: candidates to messages, requests to prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.msg import ImagePoint
from sam_tracker.msg import MaskCandidate as MaskCandidateMessage
from sam_tracker.ros.messages.masks import mask_message
from sam_tracker.ros.messages.prompt_messages import prompt_of_message
from sam_tracker.ros.messages.shapes import box_message

if TYPE_CHECKING:
    from sam_tracker.core.run_length import MaskEncoding
    from sam_tracker.msg import Prompt as PromptMessage
    from sam_tracker.segmentation.mask_candidate import MaskCandidate


def candidate_message(
    candidate: MaskCandidate, mask: MaskEncoding | None = 'bytes'
) -> MaskCandidateMessage:
    """
    Convert a candidate to a message.

    :param mask: how to encode the mask; None: leave it out. Box and area are always included.
    """
    message = MaskCandidateMessage(
        prompt_index=candidate.prompt_index,
        label=candidate.label,
        box=box_message(candidate.box),
        area=candidate.area,
        predicted_iou=candidate.predicted_iou,
        stability_score=candidate.stability_score,
        text_score=candidate.text_score,
    )
    if mask is not None:
        message.mask = mask_message(candidate.region, candidate.mask_crop, mask)
    if candidate.point is not None:
        message.point = ImagePoint(x=candidate.point[0], y=candidate.point[1])
    return message


def prompts_of_messages(
    messages: Sequence[PromptMessage], width: int, height: int, first_index: int = 0
) -> list[Prompt]:
    """
    Convert the prompts of a request, and validate them for the image.

    :param width: columns of the image.
    :param height: rows of the image.
    :param first_index: of the first message in its request, for error texts.
    :raises PromptError: a prompt is invalid; the text has its index and the reason.
    """
    prompts = []
    for index, message in enumerate(messages, first_index):
        try:
            prompt = prompt_of_message(message, width, height).validate(width, height)
        except PromptError as error:
            raise PromptError(f'prompt {index}: {error}') from None
        prompts.append(prompt)
    return prompts
