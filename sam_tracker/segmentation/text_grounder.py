# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Find the objects that a text names ("the red mug") as boxes, which then serve as prompts.

``TextGrounder`` uses the open-vocabulary detectors of the transformers library: OWL-ViT (Minderer
et al. 2022), OWLv2 (Minderer et al. 2023) and Grounding DINO (Liu et al. 2023). The library is an
optional dependency, imported only when a ``TextGrounder`` is created. A model is a local folder;
nothing is downloaded, and no code in the folder is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from sam_tracker.networks.runtime import choose_runtime

ARCHITECTURES = {'owlv2': 'Owlv2', 'owlvit': 'OwlViT', 'grounding-dino': 'GroundingDino'}
"""From ``model_type`` in config.json to the prefix of the library's classes."""

OLDEST_TRANSFORMERS = (4, 57)

LONGEST_TEXT = 1000
"""Characters; the limit of a model is usually lower."""

LONGEST_SIDE = 2048
"""
Pixels. Larger images are reduced first: the models resize to 768 to 1333 pixels, but the library
pads and filters before that, at full size in floating point.
"""

LONGEST_FOR_ITS_WIDTH = 32
"""Largest aspect ratio; beyond it, fewer patches are left than a model has queries."""

SAME_THING_IOU = 0.5
"""IoU of two boxes for the same words above which the worse one is dropped."""


class GroundingError(ValueError):
    """Invalid text, image or threshold, or an unusable model; the text names the reason."""


@dataclass(frozen=True, eq=False)
class Grounding:
    """One box that was found for a text."""

    box: NDArray[np.float64]
    """[4], x_min, y_min, x_max, y_max in pixels of the source image, half open, inside it."""
    score: float
    """0 to 1. Scores of different models are not comparable."""
    label: str
    """The part of the text that it was found for, as written."""


def things_asked_for(text: str) -> list[str]:
    """
    Split a text at its full stops into the objects that it names, without duplicates.

    Runs of spaces become one; case is ignored when objects are compared.

    :raises GroundingError: the text names nothing or is longer than ``LONGEST_TEXT``.
    """
    if len(text) > LONGEST_TEXT:
        raise GroundingError(
            f'the text has {len(text)} characters; at most {LONGEST_TEXT} are allowed'
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
        self.architecture = _architecture_of(self.folder)
        transformers = _import_transformers()
        try:
            detector = _load(transformers, self.folder, self.architecture)
        except GroundingError:
            raise
        # The library raises all kinds of errors for a damaged folder; the first line is enough.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise GroundingError(f'{self.folder} cannot be loaded: {reason}') from error
        self._processor, self._model = detector.processor, detector.model.to(self._device)

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
            f'{folder} loads its backbone {config.get("backbone")!r} from elsewhere; all weights'
            ' must be in the folder'
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
    """A model of the library with its processor; the library is untyped here."""

    processor: Any
    model: Any


def _load(transformers: ModuleType, folder: Path, architecture: str) -> _Detector:
    """
    Load the model of a folder for inference.

    :raises GroundingError: weights are missing, which the library would initialise at random.
    """
    name = ARCHITECTURES[architecture]
    # The image processor that works without torchvision; version 5 of the library has it under
    # a name of its own.
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
