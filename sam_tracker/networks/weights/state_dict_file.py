# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads the state dict of a checkpoint file.

A file is read as data and never executed. A file that is damaged, foreign or made to exhaust
memory is refused with one line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any
import warnings
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import torch
from torch import Tensor

from sam_tracker.networks.weights.catalogue import CheckpointError, known_by_sha256, sha256_of
from sam_tracker.networks.weights.huggingface_names import (
    from_huggingface,
    has_huggingface_names,
)
from sam_tracker.networks.weights.safetensors_file import (
    SafetensorsError,
    looks_like_safetensors,
    read_safetensors,
)
from sam_tracker.networks.weights.wrappers import unwrapped, without_prefix

# Trainers write scores beside the weights. These make numbers, and no other object.
_SCALAR: Callable[..., Any] = np.float64(0).__reduce__()[0]
_NUMPY_SCALARS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_SCALAR, 'numpy.core.multiarray.scalar'),
    (_SCALAR, 'numpy._core.multiarray.scalar'),
    np.dtype,
    *{type(np.dtype(character)) for character in '?bBhHiIlLqQefdg'},
]

NAMED_AT_MOST = 3
"""Keys of a file that one message names."""
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    state_dict: dict[str, Tensor]
    """Tensors on the CPU under the names of Meta's files; float32, or int64 for counters."""
    reading: str
    """How the file was read, for messages."""


def read_checkpoint(path: Path) -> Checkpoint:
    """
    Read a file of torch or of safetensors.

    The file holds a state dict, alone or with what trainers write around it (``wrappers``), under
    the names of Meta's files or of Hugging Face's conversions. Other floating point types become
    float32. The tensors of a float32 file are backed by the file itself until they are copied, so
    it must not be rewritten in place meanwhile.

    :raises CheckpointError: naming the file and the fault: missing, truncated, damaged, no
        checkpoint, holding objects that are no tensors, more values than the file has bytes for,
        or values that are not finite.
    """
    content, kind = _read(path)
    held, container = unwrapped(content)
    if not isinstance(held, Mapping) or not held:
        raise CheckpointError(f'{path}: holds no state dict but {_kind(held)}')
    held, prefix = without_prefix({str(key): value for key, value in held.items()})
    available = path.stat().st_size
    state_dict = {}
    for key, value in held.items():
        tensor = _checked(path, key, value)
        # A view may claim any number of values without storing them.
        available -= tensor.nbytes
        if available < 0:
            raise CheckpointError(
                f'{path}: {shown(key)} claims {tensor.numel()} values, more than the file holds'
            )
        state_dict[key] = _weights(path, key, tensor)
    steps = [kind, container, f'without the prefix {prefix}' if prefix else '']
    if has_huggingface_names(state_dict):
        state_dict = from_huggingface(state_dict)
        steps.append('from the names of Hugging Face')
    return Checkpoint(state_dict, ', '.join(filter(None, steps)))


def shown(key: object) -> str:
    """Return a key of an untrusted file as it may stand in a message: printable, and not long."""
    text = str(key)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _SHOWN_CHARACTERS else f'{text[:_SHOWN_CHARACTERS]}...'


def _read(path: Path) -> tuple[object, str]:
    """Return what is in the file, after a check for damage, and what kind of file it is."""
    try:
        with path.open('rb') as file:
            start = file.read(64)
        looks = _common_mistake(path, start)
        if looks:
            raise CheckpointError(f'{path}: {looks}')
        if looks_like_safetensors(start):
            return read_safetensors(path), 'a safetensors file'
        zipped = is_zipfile(path)
        record = _damaged_record(path) if zipped else None
        # torch ignores the checksums that it writes. A published file is right even if they are
        # wrong.
        if record is not None and known_by_sha256(sha256_of(path)) is None:
            raise CheckpointError(f'{path}: damaged: {record} does not have its checksum')
        with warnings.catch_warnings():
            # torch warns about foreign files before it raises.
            warnings.simplefilter('ignore')
            with torch.serialization.safe_globals(_NUMPY_SCALARS):
                content = torch.load(path, map_location='cpu', weights_only=True, mmap=zipped)
            return content, 'a file of torch.save'
    except CheckpointError:
        raise
    except SafetensorsError as error:
        raise CheckpointError(f'{path}: safetensors file: {error}') from error
    except OSError as error:
        raise CheckpointError(f'cannot read {path}: {error.strerror or error}') from error
    except Exception as error:
        # Readers of damaged or foreign files may raise anything.
        raise CheckpointError(f'{path}: {_reason(error)}') from error


def _common_mistake(path: Path, start: bytes) -> str:
    """Name a file that is commonly mistaken for a checkpoint; empty for what may be one."""
    if not start:
        return 'the file is empty'
    if start.startswith(b'version https://git-lfs'):
        return 'a Git LFS pointer, not the file that it points to'
    if start.lstrip().startswith(b'<'):
        return 'a web page, no checkpoint'
    if start.startswith(b'PK') and not is_zipfile(path):
        return 'truncated: the archive has no end'
    return ''


def _damaged_record(path: Path) -> str | None:
    """Return the first record of a zip archive that differs from its checksum."""
    with ZipFile(path) as archive:
        for info in archive.infolist():
            # Saved without checksums, which torch writes as 0.
            if info.CRC == 0:
                continue
            try:
                with archive.open(info) as record:
                    while record.read(1 << 20):
                        pass
            except BadZipFile:
                return info.filename
    return None


def _reason(error: Exception) -> str:
    """Make one line of torch's page about a file that it refuses."""
    text = str(error)
    refused = re.search(r'GLOBAL (\S+)', text)
    if refused:
        return f'holds {shown(refused[1])} objects, and only tensors are read'
    if 'TorchScript' in text:
        return 'a TorchScript program, and only tensors are read'
    if 'weights_only' in text:
        # The original text recommends to execute the file, which is unsafe.
        return 'damaged, or not written by torch.save'
    first, _, _ = text.strip().partition('\n')
    return f'no checkpoint: {first or type(error).__name__}'


def _checked(path: Path, key: object, value: object) -> Tensor:
    if not isinstance(value, Tensor):
        raise CheckpointError(f'{path}: {shown(key)} is no tensor but {_kind(value)}')
    # Batch norms count their batches in an integer.
    counter = value.dtype == torch.int64 and not value.ndim
    floating = value.is_floating_point() or counter
    if not floating or value.layout != torch.strided or value.is_meta:
        raise CheckpointError(
            f'{path}: {shown(key)} is no dense floating point tensor but {_kind(value)}'
        )
    return value


def _weights(path: Path, key: object, tensor: Tensor) -> Tensor:
    """Return one tensor of a state dict as float32; counters, which are integers, as they are."""
    if not tensor.is_floating_point():
        return tensor.detach()
    weights = tensor.detach().float()
    # The sum is finite unless a value is not, or values are huge: only then all are checked. By
    # NumPy, because torch would wake its threads for each of hundreds of small tensors.
    values = weights.numpy()
    with np.errstate(over='ignore', invalid='ignore'):
        suspicious = not np.isfinite(values.sum())
    if suspicious and not np.isfinite(values).all():
        raise CheckpointError(f'{path}: {shown(key)} holds values that are not finite')
    return weights


def _kind(value: object) -> str:
    if isinstance(value, Mapping) and value:
        return f'a dict with the keys {", ".join(map(shown, list(value)[:NAMED_AT_MOST]))}'
    if isinstance(value, Mapping):
        return 'an empty dict'
    if isinstance(value, Tensor):
        return f'a {value.layout} tensor of {value.dtype} on {value.device.type}'
    return f'a value of type {type(value).__name__}'
