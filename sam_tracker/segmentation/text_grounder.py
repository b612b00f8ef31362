# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Find the objects that a text names ("the red mug") as boxes, which then serve as prompts.

``TextGrounder`` uses the open-vocabulary detectors of the transformers library: OWL-ViT (Minderer
et al. 2022), OWLv2 (Minderer et al. 2023) and Grounding DINO (Liu et al. 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.segmentation.mask_filters import distinct_by_thing
from sam_tracker.segmentation.text_model import (
    DETECTORS,
    GroundingError,
    architecture_of,
    check_request,
    import_transformers,
    load_text_model,
    things_asked_for,
)

LONGEST_SIDE = 2048
"""
Pixels. Larger images are reduced first: the models resize to 768 to 1333 pixels, but the library
pads and filters before that, at full size in floating point.
"""

LONGEST_FOR_ITS_WIDTH = 32
"""Largest aspect ratio; beyond it, fewer patches are left than a model has queries."""


@dataclass(frozen=True, eq=False)
class Grounding:
    """One box that was found for a text."""

    box: NDArray[np.float64]
    """[4], x_min, y_min, x_max, y_max in pixels of the source image, half open, inside it."""
    score: float
    """0 to 1. Scores of different models are not comparable."""
    label: str
    """The part of the text that it was found for, as written."""


class TextGrounder:
    """
    An open-vocabulary detector from a folder: ``config.json``, weights, tokenizer, preprocessor.

    The folder has the layout that the library's ``save_pretrained`` writes, and holds OWLv2,
    OWL-ViT or Grounding DINO. Computes in float32; it has no state between images.

    :param folder: of the model.
    :param device: of torch, or ``auto``.
    :raises GroundingError: the library is not installed; or the folder is missing, or holds no
        model, one of another architecture, or an incomplete one.
    :raises ValueError: the device is not available.
    """

    def __init__(self, folder: str | os.PathLike[str], device: str = 'cpu') -> None:
        self.folder = Path(folder)
        self._device = choose_runtime(device, 'float32').device
        self.architecture = architecture_of(self.folder, DETECTORS)
        loaded = load_text_model(self.folder, self.architecture, self._device)
        # Among other things it turns the model's boxes into those of the image.
        make_processor = getattr(import_transformers(), f'{DETECTORS[self.architecture]}Processor')
        self._processor = make_processor(
            image_processor=loaded.image_processor, tokenizer=loaded.tokenizer
        )
        self._model = loaded.model

    def ground(self, image: NDArray[np.uint8], text: str, *, threshold: float) -> list[Grounding]:
        """
        Find the objects that a text names.

        A box gets the label that fits it best. Boxes are clipped to the image, empty ones are
        dropped, and duplicates are removed by non-maximum suppression.

        :param image: [H, W, 3], RGB.
        :param text: one object, or several separated by full stops: "mug. screwdriver."
        :param threshold: minimum score, 0 to 1. Useful values are 0.1 to 0.3 for OWLv2 and
            OWL-ViT, 0.25 to 0.4 for Grounding DINO.
        :returns: the boxes, best first.
        :raises GroundingError: shape or type of the image is wrong; the threshold is out of range;
            or the text names nothing, is too long for the model, or has words without a token.
        """
        check_request(image, threshold)
        height, width = image.shape[:2]
        if max(height, width) > LONGEST_FOR_ITS_WIDTH * min(height, width):
            raise GroundingError(
                f'the image of {width}x{height} pixels is too narrow: one side may be at most'
                f' {LONGEST_FOR_ITS_WIDTH} times the other'
            )
        things = things_asked_for(text)
        with torch.inference_mode():
            tokens, thing_of_column = self._tokens(things)
            outputs = self._model(**tokens, **self._pixels(image))
            scores = _scores_of_things(outputs.logits[0], thing_of_column, len(things))
            boxes = self._boxes(outputs, height, width)
        if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
            raise GroundingError(f'the model of {self.folder} returns numbers that are not finite')
        return _choose(boxes, scores, things, threshold)

    def _tokens(self, things: list[str]) -> tuple[dict[str, Tensor], Tensor]:
        """
        Tokenise the text.

        :returns: the text input of the model, and for each column of its logits the index of the
            object, [columns] int64, -1 for none.
        """
        if self.architecture == 'grounding-dino':
            return self._tokens_of_one_text(things)
        return self._tokens_of_each(things)

    def _tokens_of_each(self, things: list[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Tokenise for OWL, which takes each object separately and has one column for each."""
        tokenizer = self._processor.tokenizer
        limit = self._model.config.text_config.max_position_embeddings
        for thing, ids in zip(things, tokenizer(things)['input_ids'], strict=True):
            if len(ids) > limit:
                raise GroundingError(
                    f'{thing!r} has {len(ids)} tokens; this model reads at most {limit} for each '
                    'object'
                )
        encoded = tokenizer(things, padding='max_length', max_length=limit, return_tensors='pt')
        tokens = {name: encoded[name] for name in ('input_ids', 'attention_mask')}
        return self._placed(tokens), torch.arange(len(things), device=self._device)

    def _tokens_of_one_text(self, things: list[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Tokenise for Grounding DINO, which takes one text and has one column for each token."""
        tokenizer = self._processor.tokenizer
        # As in its training: lower case, a full stop after each object.
        encoded = tokenizer(
            ' '.join(f'{thing.lower()} .' for thing in things),
            return_tensors='pt',
            return_token_type_ids=True,
        )
        ids = encoded['input_ids'][0]
        config = self._model.config
        limit = min(config.max_text_len, config.text_config.max_position_embeddings)
        if len(ids) > limit:
            raise GroundingError(
                f'the text has {len(ids)} tokens; this model reads at most {limit}'
            )
        full_stop = ids == tokenizer.convert_tokens_to_ids('.')
        thing_of_column = full_stop.cumsum(0)
        thing_of_column[full_stop | (ids == tokenizer.cls_token_id)] = -1
        for index, thing in enumerate(things):
            if (ids[thing_of_column == index] == tokenizer.unk_token_id).all():
                raise GroundingError(f'the model has no token for {thing!r}')
        names = ('input_ids', 'attention_mask', 'token_type_ids')
        tokens = {name: encoded[name] for name in names}
        return self._placed(tokens), thing_of_column.to(self._device)

    def _pixels(self, image: NDArray[np.uint8]) -> dict[str, Tensor]:
        height, width = image.shape[:2]
        reduction = LONGEST_SIDE / max(height, width)
        if reduction < 1:
            size = (max(round(width * reduction), 1), max(round(height * reduction), 1))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # stays uint8
        return self._placed(
            # Channels first, stated explicitly: the library would guess wrong for an image of
            # three rows.
            self._processor.image_processor(
                images=[np.ascontiguousarray(image.transpose(2, 0, 1))],
                input_data_format='channels_first',
                return_tensors='pt',
            )
        )

    def _placed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.to(self._device) for name, tensor in tensors.items()}

    def _boxes(self, outputs: object, height: int, width: int) -> NDArray[np.float64]:
        """Return [queries, 4] in pixels, by the library, which knows the padding of its input."""
        options = {'text_threshold': 1.0} if self.architecture == 'grounding-dino' else {}
        (result,) = self._processor.post_process_grounded_object_detection(
            # Without a threshold the boxes stay in the order of the queries, as our scores are.
            outputs,
            threshold=-1.0,
            target_sizes=[(height, width)],
            **options,
        )
        boxes = result['boxes'].double().cpu().numpy()
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
        return boxes


def _scores_of_things(logits: Tensor, thing_of_column: Tensor, things: int) -> NDArray[np.float64]:
    """
    Return the scores of every box for every object, [queries, things], 0 to 1.

    :param logits: [queries, at least columns]; further columns are padding.
    :param thing_of_column: [columns] int64.
    """
    probabilities = logits[:, : len(thing_of_column)].sigmoid()
    of_each = [probabilities[:, thing_of_column == thing].amax(1) for thing in range(things)]
    return torch.stack(of_each, dim=1).double().cpu().numpy()


def _choose(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], things: list[str], threshold: float
) -> list[Grounding]:
    """Select boxes by score and non-maximum suppression for each object, best first."""
    (some,) = np.nonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    boxes, scores = boxes[some], scores[some]
    return [
        Grounding(boxes[query], score, things[thing])
        for query, thing, score in distinct_by_thing(boxes, scores, threshold)
    ]
