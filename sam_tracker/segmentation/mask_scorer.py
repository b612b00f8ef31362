# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Score masks by how well they fit a text ("the red mug").

``MaskScorer`` uses models that compare an image with a text: CLIP (Radford et al. 2021) and SigLIP
(Zhai et al. 2023). They find nothing by themselves: the masks come from automatic generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
import math
import os
from pathlib import Path
import re

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.segmentation.mask_candidate import MaskCandidate
from sam_tracker.segmentation.mask_filters import distinct_by_thing
from sam_tracker.segmentation.text_model import (
    SCORERS,
    GroundingError,
    architecture_of,
    check_request,
    load_text_model,
    things_asked_for,
)

NEUTRAL = ('a photo of an object', 'a photo of the background', 'a photo')
"""Texts that CLIP compares those of the request with: single similarities mean nothing."""

SURROUNDINGS = 1.2
"""Side of the square that is shown to the model, as a multiple of the mask's longer side."""
DIMMED = 0.4
"""Brightness of the background in it, as a share of the image's."""
BORDER = 50
"""Grey value of what lies outside the image: of a dimmed mean grey."""
BATCH = 8
"""Masks that are scored at once; bounds memory."""


class MaskScorer:
    """
    A CLIP or SigLIP model from a folder: ``config.json``, weights, tokenizer, preprocessor.

    Computes in float32; it has no state between images.

    :param folder: of the model.
    :param device: of torch, or ``auto``.
    :raises GroundingError: the library is not installed; or the folder is missing, or holds no
        model, one of another architecture, or an incomplete one.
    :raises ValueError: the device is not available.
    """

    def __init__(self, folder: str | os.PathLike[str], device: str = 'cpu') -> None:
        self.folder = Path(folder)
        self._device = choose_runtime(device, 'float32').device
        self.architecture = architecture_of(self.folder, SCORERS)
        self._loaded = load_text_model(self.folder, self.architecture, self._device)
        self._side = int(self._loaded.model.config.vision_config.image_size)

    def score(
        self,
        image: NDArray[np.uint8],
        candidates: Sequence[MaskCandidate],
        text: str,
        *,
        threshold: float,
    ) -> list[MaskCandidate]:
        """
        Select the candidates that show what a text names.

        Each candidate is shown to the model as a square around it with a dimmed background, and
        compared with "a photo of a …" for each thing that the text names; it gets the label that
        fits it best. For CLIP the score is the probability of that label against the others and
        ``NEUTRAL``, at the temperature that the model has learned; for SigLIP the probability
        that image and label fit, as it was trained.

        :param image: [H, W, 3], RGB, the image of the candidates.
        :param text: one thing, or several separated by full stops: "mug. screwdriver."
        :param threshold: minimum score, 0 to 1.
        :returns: the candidates with score and label, best first; of candidates for the same
            thing whose boxes overlap the best one.
        :raises GroundingError: shape or type of the image is wrong; the threshold is out of range;
            or the text names nothing, or is too long for the model.
        """
        check_request(image, threshold)
        things = things_asked_for(text)
        shown = [candidate for candidate in candidates if candidate.region is not None]
        with torch.inference_mode():
            texts = self._text_features(things)
            rows = [
                self._probabilities(image, shown[start : start + BATCH], texts, len(things))
                for start in range(0, len(shown), BATCH)
            ]
        scores = np.concatenate([np.zeros((0, len(things))), *rows])
        if not np.isfinite(scores).all():
            raise GroundingError(f'the model of {self.folder} returns numbers that are not finite')
        return _chosen(shown, scores, things, threshold)

    def _text_features(self, things: list[str]) -> Tensor:
        """Return unit vectors [T, D] of the things, and for CLIP of ``NEUTRAL`` after them."""
        tokenizer, config = self._loaded.tokenizer, self._loaded.model.config
        limit = config.text_config.max_position_embeddings
        sentences = [_sentence(thing) for thing in things]
        for thing, ids in zip(things, tokenizer(sentences)['input_ids'], strict=True):
            if len(ids) > limit:
                raise GroundingError(
                    f'{thing!r} has {len(ids)} tokens with "a photo of a"; this model reads at '
                    f'most {limit} for each object'
                )
        names = ['input_ids']
        if self.architecture == 'clip':
            names.append('attention_mask')
            sentences += NEUTRAL
        encoded = tokenizer(
            # SigLIP was trained with padding to its limit, and without a mask over it.
            sentences,
            padding='max_length',
            max_length=limit,
            truncation=True,
            return_tensors='pt',
        )
        tokens = {name: encoded[name].to(self._device) for name in names}
        return _unit(self._loaded.model.get_text_features(**tokens))

    def _probabilities(
        self,
        image: NDArray[np.uint8],
        candidates: Sequence[MaskCandidate],
        texts: Tensor,
        things: int,
    ) -> NDArray[np.float64]:
        """Return [candidates, things], 0 to 1."""
        squares = [square_around(image, candidate, self._side) for candidate in candidates]
        model = self._loaded.model
        pixels = self._loaded.image_processor(
            images=[np.ascontiguousarray(square.transpose(2, 0, 1)) for square in squares],
            input_data_format='channels_first',
            return_tensors='pt',
        )['pixel_values'].to(self._device)
        images = _unit(model.get_image_features(pixel_values=pixels))
        logits = images @ texts.T * model.logit_scale.exp()
        if self.architecture == 'clip':
            probabilities = logits.softmax(1)[:, :things]
        else:
            probabilities = (logits + model.logit_bias).sigmoid()
        return probabilities.double().cpu().numpy()


def square_around(
    image: NDArray[np.uint8], candidate: MaskCandidate, side: int
) -> NDArray[np.uint8]:
    """
    Return a candidate that is not empty in a square, with its background dimmed.

    The square keeps the aspect ratio: models resize to a square and cut off what exceeds it.

    :param image: [H, W, 3].
    :param side: of the input of the model; larger squares are reduced to it.
    :returns: [s, s, 3], s at most ``side``.
    """
    region = candidate.region
    assert region is not None
    extent = math.ceil(SURROUNDINGS * max(region.width, region.height))
    x = region.x + (region.width - extent) // 2
    y = region.y + (region.height - extent) // 2
    height, width = image.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + extent, width), min(y + extent, height)
    square = np.full((extent, extent, 3), BORDER, np.uint8)
    inside = square[top - y : bottom - y, left - x : right - x]
    seen = image[top:bottom, left:right]
    np.multiply(seen, DIMMED, out=inside, casting='unsafe')
    rows = slice(region.y - top, region.y - top + region.height)
    columns = slice(region.x - left, region.x - left + region.width)
    bright = candidate.mask_crop[..., None] != 0
    np.copyto(inside[rows, columns], seen[rows, columns], where=bright)
    if extent > side:
        square = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA))
    return square


def _sentence(thing: str) -> str:
    article = '' if re.match(r'(an?|the)\b', thing, re.IGNORECASE) else 'a '
    return f'a photo of {article}{thing}'


def _unit(features: Tensor) -> Tensor:
    """Return features of unit length; version 5 of the library wraps them."""
    return F.normalize(getattr(features, 'pooler_output', features), dim=-1)


def _chosen(
    candidates: Sequence[MaskCandidate],
    scores: NDArray[np.float64],
    things: list[str],
    threshold: float,
) -> list[MaskCandidate]:
    """Select candidates by score and non-maximum suppression for each thing, best first."""
    boxes = np.array([candidate.box for candidate in candidates]).reshape(-1, 4)
    return [
        replace(candidates[number], text_score=score, label=things[thing])
        for number, thing, score in distinct_by_thing(boxes, scores, threshold)
    ]
