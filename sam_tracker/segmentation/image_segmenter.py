# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompted segmentation of one image: encoded once, then decoded for any number of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.core.coordinates import ImageScale, prompt_points
from sam_tracker.core.frame import Pixels, frame_size
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.networks.api import ImageFeatures, MaskCandidates, PromptableNetwork
from sam_tracker.networks.batching import LARGEST_BATCH, batches
from sam_tracker.networks.mask_images import MaskImages, mask_boxes, network_mask
from sam_tracker.networks.masks import corrected_logits, input_logits, mask_as_logits
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.upload import FrameUpload, uploaded
from sam_tracker.segmentation.mask_candidate import MaskCandidate
from sam_tracker.segmentation.mask_filters import STABILITY_OFFSET, stability_scores


@dataclass(frozen=True, eq=False)
class EncodedImage:
    """Features of an image, on the network's device."""

    scale: ImageScale
    """How the image maps to the network's input."""
    features: ImageFeatures
    conditioned: Tensor
    """[1, D, h, w], the embedding conditioned on having no memory."""

    @property
    def width(self) -> int:
        """Columns of the image."""
        return self.scale.width

    @property
    def height(self) -> int:
        """Rows of the image."""
        return self.scale.height


class ImageSegmenter:
    """
    Segments the objects of prompts on single images; it has no state between images.

    Trackers and segmenters may share a network. Not thread-safe.
    """

    def __init__(self, network: PromptableNetwork, runtime: Runtime | None = None) -> None:
        """
        Wrap a network.

        :param network: in evaluation mode, on the device to be used.
        :param runtime: device and precision; None: those of the network's weights.
        """
        self.network = network
        self.image_size = network.image_size
        self._runtime = runtime or Runtime(network.device)
        self.device = network.device
        self._upload = FrameUpload(self.device)

    def encode(self, image: Pixels) -> EncodedImage:
        """
        Encode an image: the expensive part, done once for any number of prompts.

        :param image: RGB, uint8 [H, W, 3]; not used after the call.
        :raises FrameError: shape or type of the image is wrong.
        """
        width, height = frame_size(image)
        with self._runtime.inference():
            images = self.network.preprocess(self._upload(image))
            features = self.network.encode_image(images)
            conditioned = self.network.without_memory(features.embedding)
        return EncodedImage(self.network.scale(width, height), features, conditioned)

    def segment(
        self, encoded: EncodedImage, prompts: Sequence[Prompt], *, several: bool
    ) -> list[list[MaskCandidate]]:
        """
        Segment the object of each prompt, independently.

        The mask of a prompt is refined, not returned as it is. A prompt that is only a mask gets
        its bounding box as well, because networks are hardly trained on masks alone.

        :param several: whether to return three candidates, for a prompt that may mean a part or
            the whole of an object; else one, for several points or a box.
        :returns: for each prompt its candidates, highest predicted IoU first.
        :raises PromptError: a prompt is invalid; the text has its index and the reason. Raised
            before anything is computed.
        """
        prompts = [
            with_box_of_mask(_validated(prompt, index, encoded))
            for index, prompt in enumerate(prompts)
        ]
        answers: list[list[MaskCandidate]] = [[] for _ in prompts]
        for batch in batches([_layout(prompt) for prompt in prompts]):
            asked = [prompts[index] for index in batch]
            with self._runtime.inference():
                dense = [
                    mask_as_logits(network_mask(prompt.mask, encoded.scale, self.device))[1]
                    for prompt in asked
                    if prompt.mask is not None
                ]
            found = self._answer(encoded, asked, torch.cat(dense) if dense else None, several)
            for index, candidates in zip(batch, found, strict=True):
                answers[index] = [replace(one, prompt_index=index) for one in candidates]
        return answers

    def refine(
        self,
        encoded: EncodedImage,
        prompt: Prompt,
        previous: MaskCandidate,
        *,
        several: bool = False,
    ) -> list[MaskCandidate]:
        """
        Refine a candidate of the same image: decode again, starting from its logits.

        :param prompt: all points so far, old and new, as in SAM's training, and the box if there
            was one; negative points alone are allowed.
        :param previous: the candidate to refine.
        :returns: candidates, highest predicted IoU first.
        :raises PromptError: the prompt does not fit this image, or has a mask of its own; or
            ``previous`` is of an image or a network of another size, or has no logits.
        """
        prompt = prompt.validate(encoded.width, encoded.height, refining=True)
        if prompt.mask is not None:
            raise PromptError('a candidate is refined by points and a box, not by a mask')
        if previous.image_size != (encoded.width, encoded.height):
            width, height = previous.image_size
            raise PromptError(
                f'the candidate is of an image of {width}x{height} pixels, not of this one of'
                f' {encoded.width}x{encoded.height}'
            )
        if previous.logits is None:
            raise PromptError('the candidate was found on a crop and cannot be refined')
        side = self.image_size // 4
        if previous.logits.shape != (side, side):
            raise PromptError(
                f'the candidate has logits of {list(previous.logits.shape)}, not [{side}, {side}]:'
                ' another network made it'
            )
        dense = corrected_logits(previous.logits.to(self.device).float())[None, None]
        (candidates,) = self._answer(encoded, [prompt], dense, several)
        return [
            replace(
                one,
                prompt_index=previous.prompt_index,
                label=previous.label,
                text_score=previous.text_score,
            )
            for one in candidates
        ]

    def decode(
        self,
        encoded: EncodedImage,
        points: NDArray[np.float64],
        labels: NDArray[np.int64],
        mask_logits: Tensor | None,
        several: bool,
    ) -> MaskCandidates:
        """
        Decode O prompts of equal layout in one batch.

        :param points: [O, N, 2] in network pixels, box corners first, from ``prompt_points``.
        :param labels: [O, N].
        :param mask_logits: [O, 1, s, s], the masks of the prompts, if any.
        :param several: three candidates for each prompt instead of one.
        """
        with self._runtime.inference():
            prompts = self.network.encode_prompts(
                uploaded(points.astype(np.float32), self.device),
                uploaded(labels, self.device),
                mask_logits,
            )
            return self.network.decode(encoded.features, encoded.conditioned, prompts, several)

    def _answer(
        self,
        encoded: EncodedImage,
        prompts: Sequence[Prompt],
        mask_logits: Tensor | None,
        several: bool,
    ) -> list[list[MaskCandidate]]:
        """Decode prompts of equal layout into candidates at image size, best first."""
        rows = [prompt_points(prompt, encoded.scale) for prompt in prompts]
        points, labels = (np.stack(column) for column in zip(*rows, strict=True))
        decoded = self.decode(encoded, points, labels, mask_logits, several)
        with torch.inference_mode():
            found = mask_candidates(
                decoded.mask_logits.flatten(0, 1), decoded.predicted_iou.flatten(), encoded.scale
            )
        count = decoded.predicted_iou.shape[1]
        answers = [found[start : start + count] for start in range(0, len(found), count)]
        for candidates in answers:
            candidates.sort(key=lambda one: one.predicted_iou, reverse=True)
        return answers


def with_box_of_mask(prompt: Prompt) -> Prompt:
    """Add the bounding box to a prompt that is only a mask; return any other prompt unchanged."""
    if prompt.mask is None or prompt.box is not None or len(prompt.points):
        return prompt
    x, y, width, height = cv2.boundingRect(prompt.mask.astype(np.uint8))
    return replace(prompt, box=np.array([x, y, x + width, y + height]))


def mask_candidates(
    mask_logits: Tensor,
    predicted_iou: Tensor,
    scale: ImageScale,
    stability_offset: float = STABILITY_OFFSET,
) -> list[MaskCandidate]:
    """
    Resize N decoded masks to the image.

    Stability is measured at the size of the network's input: the additional pixels of a larger
    image are interpolated and would only cost time.

    :param mask_logits: [N, s, s].
    :param predicted_iou: [N].
    :returns: the candidates, in the same order.
    """
    logits = mask_logits.float()
    stability = [
        stability_scores(input_logits(part[:, None], scale)[:, 0], stability_offset)
        for part in logits.split(LARGEST_BATCH)
    ]
    # One transfer from the device for all numbers.
    numbers = torch.stack((predicted_iou.float(), torch.cat(stability), logits.amax((-2, -1))), 1)
    known = torch.cat((numbers, mask_boxes(logits)), dim=1).cpu().numpy().astype(np.float64)
    bounds = [row[3:] if row[2] > 0 else None for row in known]
    images = MaskImages(logits, bounds, [scale] * len(bounds))
    candidates = []
    for index, row in enumerate(known):
        region, crop = images.crop(index)
        candidates.append(
            MaskCandidate(
                image_size=(scale.width, scale.height),
                region=region,
                mask_crop=crop,
                predicted_iou=float(row[0]),
                stability_score=float(row[1]),
                logits=logits[index],
            )
        )
    return candidates


def _validated(prompt: Prompt, index: int, encoded: EncodedImage) -> Prompt:
    try:
        return prompt.validate(encoded.width, encoded.height)
    except PromptError as error:
        raise PromptError(f'prompt {index}: {error}') from None


def _layout(prompt: Prompt) -> tuple[int, bool, bool]:
    """Return the layout, which all prompts of a batch share."""
    return len(prompt.points), prompt.box is not None, prompt.mask is not None
