# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
From words ("the red mug") to boxes in an image, which then serve as prompts.

Whoever has such a detector of his own gives it the shape of ``Grounder``. ``TextGrounder`` is one
over the open-vocabulary detectors of the transformers library: OWL-ViT (Minderer et al. 2022),
OWLv2 (Minderer et al. 2023) and Grounding DINO (Liu et al. 2023). The library is an optional
dependency, and imported only when a ``TextGrounder`` is made. A model is a folder on this
machine; nothing is ever downloaded and no code of the folder is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.networks.runtime import choose_runtime

ARCHITECTURES = {'owlv2': 'Owlv2', 'owlvit': 'OwlViT', 'grounding-dino': 'GroundingDino'}
"""``model_type`` of a folder's config.json to what the library's classes begin with."""

OLDEST_TRANSFORMERS = (4, 57)

LONGEST_TEXT = 1000
"""Characters; what the model itself can read is usually less."""

LONGEST_SIDE = 2048
"""
Pixels. Larger images are reduced before the library sees them: the models look at 768 to 1333
pixels, but the library pads and filters in the size that it is given, in floating point.
"""

LONGEST_FOR_ITS_WIDTH = 32
"""A side may be this many times the other: less would be left of it than a model has queries."""

SAME_THING_IOU = 0.5
"""Of two boxes for the same words that overlap by more than this, only the better one is given."""


class GroundingError(ValueError):
    """Words that cannot be looked for, or a model that cannot; the text names what is wrong."""


@dataclass(frozen=True, eq=False)
class Grounding:
    """One place in an image that answers to the words."""

    box: NDArray[np.float64]
    """[4], x_min, y_min, x_max, y_max in pixels of the source image, half open, inside it."""
    score: float
    """0 to 1. Scores of different models do not compare."""
    label: str
    """Which of the things that were asked for, as it was written."""


class Grounder(Protocol):
    """Whatever can look for words in an image."""

    def ground(self, image: NDArray[np.uint8], text: str, *, threshold: float) -> list[Grounding]:
        """
        Return where the things that a text names are, best first.

        :param image: [H, W, 3], RGB.
        :param text: one thing, or several separated by full stops.
        :param threshold: the least score, 0 to 1.
        :raises GroundingError: for a text, an image or a threshold that cannot be used.
        """
        ...


def things_asked_for(text: str) -> list[str]:
    """
    Return the things that a text names: what stands between its full stops, each once.

    Spaces are made single; upper and lower case are one when things are compared.

    :raises GroundingError: for a text that names nothing, or is longer than ``LONGEST_TEXT``.
    """
    if len(text) > LONGEST_TEXT:
        raise GroundingError(
            f'the text has {len(text)} characters; at most {LONGEST_TEXT} are taken'
        )
    things: dict[str, str] = {}
    for part in text.split('.'):
        if thing := ' '.join(part.split()):
            things.setdefault(thing.lower(), thing)
    if not things:
        raise GroundingError(f'the text {text!r} names nothing to look for')
    return list(things.values())


class TextGrounder:
    """
    An open-vocabulary detector from a folder: ``config.json``, weights, tokenizer, preprocessor.

    The folder is what ``save_pretrained`` of the library writes and what its model pages offer:
    OWLv2, OWL-ViT or Grounding DINO. Computes in float32; nothing is kept between two images.

    :param folder: where the model lies.
    :param device: a name that torch knows, or ``auto``.
    :raises GroundingError: without the library, and for a folder that is not there, holds no
        model, one of another architecture, or one that does not load completely.
    :raises ValueError: for a device that is not there.
    """

    def __init__(self, folder: str | os.PathLike[str], device: str = 'cpu') -> None:
        self.folder = Path(folder)
        self._device = choose_runtime(device, 'float32').device
        self.architecture = _architecture_of(self.folder)
        transformers = _import_transformers()
        try:
            detector = _load(transformers, self.folder, self.architecture)
        except GroundingError:
            raise
        # The library raises nearly anything for a damaged folder; its first line says the most.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise GroundingError(f'{self.folder} cannot be loaded: {reason}') from error
        self._processor, self._model = detector.processor, detector.model.to(self._device)

    def ground(self, image: NDArray[np.uint8], text: str, *, threshold: float) -> list[Grounding]:
        """
        Return where the things that a text names are, best first.

        A box answers to the one thing that fits it best. Boxes are cut off at the image, dropped
        when nothing is left of them, and each thing is given once.

        :param image: [H, W, 3], RGB.
        :param text: one thing, or several separated by full stops: "mug. screwdriver."
        :param threshold: the least score, 0 to 1. Useful ones are 0.1 to 0.3 for OWLv2 and
            OWL-ViT, 0.25 to 0.4 for Grounding DINO.
        :raises GroundingError: for an image of another kind; a threshold that is none; a text
            that names nothing, is longer than the model can read, or has words that the model
            has no token for.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise GroundingError(
                f'an image must be uint8 of shape [H, W, 3]; this one is {image.dtype} of shape'
                f' {list(image.shape)}'
            )
        height, width = image.shape[:2]
        if max(height, width) > LONGEST_FOR_ITS_WIDTH * min(height, width):
            raise GroundingError(
                f'the image of {width}x{height} pixels is too narrow: one side may be at most'
                f' {LONGEST_FOR_ITS_WIDTH} times the other'
            )
        if not 0 <= threshold <= 1:
            raise GroundingError(f'the threshold is {threshold:g}; it must lie between 0 and 1')
        things = things_asked_for(text)
        with torch.inference_mode():
            tokens, thing_of_column = self._tokens(things)
            outputs = self._model(**tokens, **self._pixels(image))
            scores = _scores_of_things(outputs.logits[0], thing_of_column, len(things))
            boxes = self._boxes(outputs, height, width)
        if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
            raise GroundingError(f'the model of {self.folder} answers with infinite numbers')
        return _choose(boxes, scores, things, threshold)

    def _tokens(self, things: list[str]) -> tuple[dict[str, Tensor], Tensor]:
        """
        Return the model's text input, and which thing each column of its logits speaks of.

        The second is [columns] int64, -1 for a column that speaks of none.
        """
        if self.architecture == 'grounding-dino':
            return self._tokens_of_one_text(things)
        return self._tokens_of_each(things)

    def _tokens_of_each(self, things: list[str]) -> tuple[dict[str, Tensor], Tensor]:
        """OWL reads every thing on its own, and has a column for each."""
        tokenizer = self._processor.tokenizer
        limit = self._model.config.text_config.max_position_embeddings
        for thing, ids in zip(things, tokenizer(things)['input_ids'], strict=True):
            if len(ids) > limit:
                raise GroundingError(
                    f'{thing!r} makes {len(ids)} tokens; this model reads {limit} for a thing'
                )
        encoded = tokenizer(things, padding='max_length', max_length=limit, return_tensors='pt')
        tokens = {name: encoded[name] for name in ('input_ids', 'attention_mask')}
        return self._placed(tokens), torch.arange(len(things), device=self._device)

    def _tokens_of_one_text(self, things: list[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Grounding DINO reads all things as one text, and has a column for each token."""
        tokenizer = self._processor.tokenizer
        # As it was trained: lower case, a full stop after each thing.
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
                f'the text makes {len(ids)} tokens; this model reads {limit}, and no more'
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
            # Planes, not pixels: the library takes what it cannot tell apart, as an image of
            # three rows, for planes.
            self._processor.image_processor(
                images=[np.ascontiguousarray(image.transpose(2, 0, 1))],
                input_data_format='channels_first',
                return_tensors='pt',
            )
        )

    def _placed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.to(self._device) for name, tensor in tensors.items()}

    def _boxes(self, outputs: object, height: int, width: int) -> NDArray[np.float64]:
        """Return [queries, 4] pixels; the library knows how its images were padded."""
        options = {'text_threshold': 1.0} if self.architecture == 'grounding-dino' else {}
        (result,) = self._processor.post_process_grounded_object_detection(
            # With no threshold every query keeps its place, so that ours can be matched to it.
            outputs,
            threshold=-1.0,
            target_sizes=[(height, width)],
            **options,
        )
        boxes = result['boxes'].double().cpu().numpy()
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
        return boxes


def _architecture_of(folder: Path) -> str:
    if not folder.is_dir():
        raise GroundingError(f'there is no folder {folder}')
    try:
        config = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise GroundingError(f'{folder} holds no model: it has no config.json') from None
    except (OSError, ValueError) as error:
        raise GroundingError(f'{folder / "config.json"} cannot be read: {error}') from error
    architecture = config.get('model_type') if isinstance(config, dict) else None
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise GroundingError(
            f'{folder} holds a model of type {architecture!r}; text needs one of'
            f' {", ".join(ARCHITECTURES)}'
        )
    if config.get('use_pretrained_backbone'):
        raise GroundingError(
            f'{folder} takes its backbone, {config.get("backbone")!r}, from elsewhere; all'
            ' weights must lie in the folder'
        )
    if not any(folder.glob('*.safetensors')) and not any(folder.glob('pytorch_model*.bin')):
        raise GroundingError(
            f'{folder} holds no weights: neither model.safetensors nor pytorch_model.bin'
        )
    return architecture


def _import_transformers() -> ModuleType:
    try:
        import transformers
    except ModuleNotFoundError as error:
        if error.name != 'transformers':
            raise
        wanted = '.'.join(map(str, OLDEST_TRANSFORMERS))
        raise GroundingError(
            'words need the Python package transformers, which is not installed:'
            f" pip install 'transformers>={wanted},<6'"
        ) from None
    installed = version('transformers')
    if tuple(int(part) for part in installed.split('.')[:2]) < OLDEST_TRANSFORMERS:
        wanted = '.'.join(map(str, OLDEST_TRANSFORMERS))
        raise GroundingError(
            f'words need transformers {wanted} or newer; {installed} is installed'
        )
    return transformers


@dataclass(frozen=True)
class _Detector:
    """A model of the library, which is untyped here, and what goes with it."""

    processor: Any
    model: Any


def _load(transformers: ModuleType, folder: Path, architecture: str) -> _Detector:
    """Return what the folder holds, for inference; refuse parameters that nobody trained."""
    name = ARCHITECTURES[architecture]
    # The image processor that works without torchvision. The library's fourth series calls it
    # by the plain name, its fifth by this one.
    suffix = 'Pil' if hasattr(transformers, f'{name}ImageProcessorPil') else ''
    image_processor = getattr(transformers, f'{name}ImageProcessor{suffix}')
    processor = getattr(transformers, f'{name}Processor')(
        image_processor=image_processor.from_pretrained(folder, local_files_only=True),
        tokenizer=transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ),
    )
    model, loaded = getattr(transformers, f'{name}ForObjectDetection').from_pretrained(
        folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    absent = sorted(set(loaded['missing_keys']) & dict(model.named_parameters()).keys())
    if absent:
        raise GroundingError(
            f'{folder} lacks {len(absent)} of the weights of an {architecture} model, such as'
            f' {absent[0]}'
        )
    return _Detector(processor, model.eval().requires_grad_(False))


def _scores_of_things(logits: Tensor, thing_of_column: Tensor, things: int) -> NDArray[np.float64]:
    """
    Return [queries, things]: how well each box fits each thing, 0 to 1.

    :param logits: [queries, columns or more]; what is beyond thing_of_column is padding.
    :param thing_of_column: [columns] int64.
    """
    probabilities = logits[:, : len(thing_of_column)].sigmoid()
    of_each = [probabilities[:, thing_of_column == thing].amax(1) for thing in range(things)]
    return torch.stack(of_each, dim=1).double().cpu().numpy()


def _choose(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], things: list[str], threshold: float
) -> list[Grounding]:
    """Return the boxes that are good enough, each thing once, best first."""
    best = scores.argmax(axis=1)
    score = scores.max(axis=1)
    good = (score >= threshold) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    groundings = []
    for index, thing in enumerate(things):
        (queries,) = np.nonzero(good & (best == index))
        if not len(queries):
            continue
        corner_and_size = boxes[queries].copy()
        corner_and_size[:, 2:] -= corner_and_size[:, :2]
        kept = cv2.dnn.NMSBoxes(
            corner_and_size.tolist(), score[queries].tolist(), 0.0, SAME_THING_IOU
        )
        groundings += [Grounding(boxes[q], float(score[q]), thing) for q in queries[kept]]
    return sorted(groundings, key=lambda grounding: -grounding.score)
