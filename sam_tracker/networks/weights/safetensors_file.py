# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads safetensors files (github.com/huggingface/safetensors, "Format").

Eight bytes give the length of a JSON header; the header gives the type, shape and place of every
tensor in the bytes that follow. Nothing in such a file can be executed.
"""

from collections.abc import Mapping
import json
import math
from pathlib import Path

import torch
from torch import Tensor

_LARGEST_HEADER = 100_000_000
_TYPES = {
    'F64': torch.float64,
    'F32': torch.float32,
    'F16': torch.float16,
    'BF16': torch.bfloat16,
    'I64': torch.int64,
}


class SafetensorsError(Exception):
    """A file is no valid safetensors file; one line says why."""


def looks_like_safetensors(start: bytes) -> bool:
    """Return whether the first nine bytes may be those of a safetensors file."""
    return start[8:9] == b'{'


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """
    Return the tensors of a file by name; they are backed by the file until they are copied.

    :raises SafetensorsError: the file is truncated, or its header does not describe its bytes.
    :raises OSError: as reading does.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        if length > min(size - 8, _LARGEST_HEADER):
            raise SafetensorsError(
                f'truncated: its header claims {length} bytes, and the file has {size}'
            )
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise SafetensorsError(
                'its header is no JSON: not a safetensors file, or damaged'
            ) from error
    if not isinstance(header, dict):
        raise SafetensorsError('its header is no JSON object')
    header.pop('__metadata__', None)
    whole = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
    content = whole[8 + length :]
    return {name: _tensor(name, entry, content) for name, entry in header.items()}


def _tensor(name: str, entry: object, content: Tensor) -> Tensor:
    named = repr(name[:80])
    if not isinstance(entry, Mapping):
        raise SafetensorsError(f'its header describes {named} by no JSON object')
    dtype = _TYPES.get(str(entry.get('dtype')))
    if dtype is None:
        raise SafetensorsError(f'{named} is not of one of the types {", ".join(_TYPES)}')
    shape, place = _counts(entry.get('shape')), _counts(entry.get('data_offsets'))
    if shape is None or place is None or len(place) != 2:
        raise SafetensorsError(f'its header has no valid shape and place for {named}')
    (start, end), values = place, math.prod(shape)
    if not start <= end <= len(content) or values * dtype.itemsize != end - start:
        raise SafetensorsError(
            f'truncated or damaged: {named} claims {values} values at bytes {start} to {end} of '
            f'{len(content)}'
        )
    stored = content[start:end]
    if stored.data_ptr() % dtype.itemsize:
        stored = stored.clone()
    return stored.view(dtype).view(shape)


def _counts(value: object) -> list[int] | None:
    """Return a list of whole numbers from 0 on; None for anything else."""
    if isinstance(value, list) and all(type(one) is int and one >= 0 for one in value):
        return value
    return None
