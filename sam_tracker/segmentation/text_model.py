# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Models of images and texts: recognised by their folder, and loaded.

They are models of the transformers library, which is an optional dependency and imported when a
model is loaded. A model is a local folder with the layout that the library's ``save_pretrained``
writes; nothing is downloaded, and no code in the folder is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sam_tracker.core.paths import missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTORS = {'owlv2': 'Owlv2', 'owlvit': 'OwlViT', 'grounding-dino': 'GroundingDino'}
"""Detectors: from ``model_type`` in config.json to the prefix of their classes."""

SCORERS = {'clip': 'CLIP', 'siglip': 'Siglip'}
"""Models that score images, likewise; SigLIP 2 of one fixed resolution is of the second type."""

OLDEST = {'transformers': (4, 57), 'pillow': (9, 1)}
"""Versions that words need; transformers names no lower bound of Pillow when it is installed."""

LONGEST_TEXT = 1000
"""Characters; the limit of a model is usually lower."""


class GroundingError(ValueError):
    """Invalid text, image or threshold, or an unusable model; the text names the reason."""


@dataclass(frozen=True)
class TextModel:
    """A model of the library with its preprocessing; the library is untyped here."""

    tokenizer: Any
    image_processor: Any
    model: Any
    """In evaluation mode, in float32, on its device."""


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


def check_request(image: NDArray[np.uint8], threshold: float) -> None:
    """
    Check the image and the threshold of a request.

    :raises GroundingError: the image is not uint8 of shape [H, W, 3], or the threshold does not
        lie between 0 and 1.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise GroundingError(
            f'an image must be uint8 of shape [H, W, 3]; this one is {image.dtype} of shape'
            f' {list(image.shape)}'
        )
    if not 0 <= threshold <= 1:
        raise GroundingError(f'the threshold is {threshold:g}; it must lie between 0 and 1')


def architecture_of(folder: Path, known: Mapping[str, str] | None = None) -> str:
    """
    Return the type of the model in a folder, one of ``DETECTORS`` or ``SCORERS``.

    :param known: the types to accept; None: all.
    :raises GroundingError: the folder is missing, or holds no model, one of another type, or an
        incomplete one.
    """
    known = {**DETECTORS, **SCORERS} if known is None else known
    if missing(folder) or not folder.is_dir():
        raise GroundingError(f'there is no folder {folder}')
    try:
        config = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise GroundingError(f'{folder} holds no model: it has no config.json') from None
    except (OSError, ValueError) as error:
        raise GroundingError(f'{folder / "config.json"} cannot be read: {error}') from error
    architecture = config.get('model_type') if isinstance(config, dict) else None
    if not isinstance(architecture, str) or architecture not in known:
        raise GroundingError(
            f'{folder} holds a model of type {architecture!r}; text needs one of'
            f' {", ".join(known)}'
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


def import_transformers() -> ModuleType:
    """
    Import the library.

    :raises GroundingError: it is not installed, or it or Pillow is too old.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        if error.name != 'transformers':
            raise
        raise GroundingError(
            'words need the Python package transformers, which is not installed:'
            f" pip install 'transformers>={'.'.join(map(str, OLDEST['transformers']))},<6'"
        ) from None
    for package, oldest in OLDEST.items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            # It has been imported: a fork of another name, as Pillow-SIMD.
            continue
        if tuple(int(part) for part in installed.split('.')[:2]) < oldest:
            wanted = '.'.join(map(str, oldest))
            raise GroundingError(
                f'words need {package} {wanted} or newer; {installed} is installed'
            )
    return transformers


def load_text_model(folder: Path, architecture: str, device: torch.device) -> TextModel:
    """
    Load the model of a folder for inference.

    :param architecture: of ``architecture_of``.
    :raises GroundingError: the library is not there; the folder is damaged; or weights are
        missing, which the library would initialise at random.
    """
    transformers = import_transformers()
    try:
        with _without_progress_bars(transformers):
            return _loaded(transformers, folder, architecture, device)
    except GroundingError:
        raise
    # The library raises all kinds of errors for a damaged folder; the first line is enough.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GroundingError(f'{folder} cannot be loaded: {reason}') from error


@contextmanager
def _without_progress_bars(transformers: ModuleType) -> Iterator[None]:
    # transformers 5 shows one on the standard error for every model that it loads.
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _loaded(
    transformers: ModuleType, folder: Path, architecture: str, device: torch.device
) -> TextModel:
    detects = architecture in DETECTORS
    name = DETECTORS[architecture] if detects else SCORERS[architecture]
    # The image processor that works without torchvision; version 5 of the library has it under
    # a name of its own.
    suffix = 'Pil' if hasattr(transformers, f'{name}ImageProcessorPil') else ''
    image_processor = getattr(transformers, f'{name}ImageProcessor{suffix}').from_pretrained(
        folder, local_files_only=True
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    head = 'ForObjectDetection' if detects else 'Model'
    model, loaded = getattr(transformers, f'{name}{head}').from_pretrained(
        folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    absent = sorted(set(loaded['missing_keys']) & dict(model.named_parameters()).keys())
    if absent:
        raise GroundingError(
            f'{folder} lacks {len(absent)} of the weights of an {architecture} model, such as'
            f' {absent[0]}'
        )
    model = model.eval().requires_grad_(False).to(device)
    return TextModel(tokenizer, image_processor, model)
