# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
From a checkpoint file to a network with its weights in it.

A file is read as data, never executed, and either fits exactly or is refused with one line that
says what is wrong with it. Nothing is downloaded here: ``sam_tracker-checkpoint`` does that.
"""

from collections.abc import Mapping
import os
from pathlib import Path
import re
import warnings
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import torch
from torch import Tensor

from sam_tracker.networks.sam2.configuration import (
    CONFIGURATION_NAMES,
    NetworkConfiguration,
    configuration_named,
)
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights.catalogue import (
    KNOWN_CHECKPOINTS,
    CheckpointError,
    KnownCheckpoint,
    find_checkpoint,
    known_by_sha256,
    sha256_of,
)

__all__ = [
    'KNOWN_CHECKPOINTS',
    'CheckpointError',
    'KnownCheckpoint',
    'find_checkpoint',
    'load_network',
    'load_state_dict_file',
    'load_weights',
    'misfit',
    'recognise',
]

UNKNOWN = 'unknown'

_BLOCK = re.compile(r'image_encoder\.trunk\.blocks\.(\d+)\.')
# What SAM 2.1 has and the first SAM 2 has not.
_NEW_IN_2_1 = {'no_obj_embed_spatial', 'obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias'}
_NAMED_AT_MOST = 3


def load_network(
    name_or_path: str | os.PathLike[str], image_size: int | None = None
) -> Sam2Network:
    """
    Build the network a checkpoint was made for and put its weights in: float32, CPU, ``eval()``.

    Device and precision are the caller's, who chooses them once for the whole network.

    :param name_or_path: as ``find_checkpoint`` takes it.
    :param image_size: side of the square input; the configuration's own unless given.

    Raises ``CheckpointError`` when there is no such file, when it cannot be read, or when it does
    not hold exactly one of the sizes that go by name; ``ValueError`` for an impossible image size.
    """
    path = find_checkpoint(name_or_path)
    state_dict = load_state_dict_file(path)
    held = recognise(state_dict)
    asked = os.fspath(name_or_path)
    name = asked if asked in CONFIGURATION_NAMES else held
    if name == UNKNOWN:
        raise CheckpointError(f'{path}: {_unknown(state_dict)}')
    network = Sam2Network(configuration_named(name, image_size))
    _put(network, state_dict, path)
    return network.eval()


def load_weights(network: Sam2Network, path: str | os.PathLike[str]) -> None:
    """
    Put the weights of a checkpoint file into a network of any configuration.

    Raises ``CheckpointError`` when the file cannot be read or does not fit; the network is then as
    it was.
    """
    _put(network, load_state_dict_file(path), Path(path))


def load_state_dict_file(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """
    Read a checkpoint: parameter names to float32 tensors on the CPU.

    The file holds either a state dict or, as Meta publishes them, one under the key ``model``.
    Other floating point types become float32. The tensors of a float32 file are backed by the file
    itself until they are copied, so it must not be rewritten in place meanwhile.

    Raises ``CheckpointError`` naming the file and what is wrong: absent, truncated, damaged, no
    checkpoint, holding objects that are no tensors, or values that are not finite.
    """
    path = Path(path)
    content = _read(path)
    held = content.get('model', content) if isinstance(content, Mapping) else content
    if not isinstance(held, Mapping) or not held:
        raise CheckpointError(f'{path}: holds no state dict but {_kind(held)}')
    return {str(key): _weights(path, key, value) for key, value in held.items()}


def recognise(state_dict: Mapping[str, Tensor]) -> str:
    """
    Return which size a state dict is of: a name of ``CONFIGURATION_NAMES``, or 'unknown'.

    It is told from the width and the depth of the image encoder and the width of the embedding, so
    that a state dict that lacks other keys is still recognised.
    """
    width = _last_size(
        state_dict,
        'image_encoder.trunk.patch_embed.proj.bias',
        'image_encoder.trunk.blocks.0.norm1.weight',
    )
    dimension = _last_size(state_dict, 'no_mem_embed', 'image_encoder.neck.convs.0.conv.bias')
    blocks = 1 + max((int(m[1]) for m in map(_BLOCK.match, state_dict) if m), default=-1)
    for name in CONFIGURATION_NAMES:
        size = configuration_named(name)
        if (width, blocks, dimension) == (
            size.hiera_width,
            sum(size.hiera_blocks),
            size.embedding_dimension,
        ):
            return name
    return UNKNOWN


def misfit(state_dict: Mapping[str, Tensor]) -> str:
    """Return why a state dict does not fit the size that it is of, in one line; '' if it does."""
    held = recognise(state_dict)
    if held == UNKNOWN:
        return _unknown(state_dict)
    with torch.device('meta'):
        network = Sam2Network(configuration_named(held))
    return _misfit(state_dict, network)


def _put(network: Sam2Network, state_dict: dict[str, Tensor], path: Path) -> None:
    problem = _misfit(state_dict, network)
    if problem:
        raise CheckpointError(f'{path}: {problem}')
    network.load_state_dict(state_dict, strict=True)


def _misfit(state_dict: Mapping[str, Tensor], network: Sam2Network) -> str:
    name = network.configuration.name
    held = recognise(state_dict)
    if held != name and _is_as_named(network.configuration):
        return _unknown(state_dict) if held == UNKNOWN else f'holds {held}, not {name}'
    expected = network.state_dict()
    missing = [key for key in expected if key not in state_dict]
    unexpected = [key for key in state_dict if key not in expected]
    reshaped = [
        f'{key} {list(state_dict[key].shape)} instead of {list(value.shape)}'
        for key, value in expected.items()
        if key in state_dict and state_dict[key].shape != value.shape
    ]
    problems = [
        _counted(missing, 'missing'),
        _counted(unexpected, 'unexpected'),
        _counted(reshaped, 'of another shape'),
    ]
    problem = '; '.join(filter(None, problems))
    if not problem:
        return ''
    if set(missing) >= _NEW_IN_2_1:
        problem += '; it looks like SAM 2, and SAM 2.1 is needed'
    return f'does not fit the {name} network: {problem}'


def _is_as_named(configuration: NetworkConfiguration) -> bool:
    """Whether it is the size that goes by its name, and no relative that merely borrows it."""
    name = configuration.name
    return (
        name in CONFIGURATION_NAMES
        and configuration_named(name, configuration.image_size) == configuration
    )


def _unknown(state_dict: Mapping[str, Tensor]) -> str:
    first = ', '.join(list(state_dict)[:_NAMED_AT_MOST])
    sizes = ', '.join(CONFIGURATION_NAMES)
    return (
        f'holds another architecture: {len(state_dict)} tensors ({first}, ...), not those of any '
        f'SAM 2.1 network ({sizes})'
    )


def _counted(items: list[str], what: str) -> str:
    if not items:
        return ''
    more = ', ...' if len(items) > _NAMED_AT_MOST else ''
    noun = 'key' if len(items) == 1 else 'keys'
    return f'{len(items)} {noun} {what} ({", ".join(items[:_NAMED_AT_MOST])}{more})'


def _last_size(state_dict: Mapping[str, Tensor], *keys: str) -> int | None:
    """Return the last dimension of the first of the keys that is there."""
    for key in keys:
        tensor = state_dict.get(key)
        if tensor is not None and tensor.ndim:
            return tensor.shape[-1]
    return None


def _read(path: Path) -> object:
    """Return what torch finds in the file, which is checked for damage first."""
    try:
        looks = _what_it_looks_like(path)
        if looks:
            raise CheckpointError(f'{path}: {looks}')
        zipped = is_zipfile(path)
        record = _damaged_record(path) if zipped else None
        # torch does not look at the checksums that it writes. A published file is right even where
        # they should be wrong.
        if record is not None and known_by_sha256(sha256_of(path)) is None:
            raise CheckpointError(f'{path}: damaged: {record} does not have its checksum')
        with warnings.catch_warnings():
            # On files that are none of its own torch warns before it raises.
            warnings.simplefilter('ignore')
            return torch.load(path, map_location='cpu', weights_only=True, mmap=zipped)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f'cannot read {path}: {error.strerror or error}') from error
    except Exception as error:
        # A damaged or foreign file makes its readers raise anything at all.
        raise CheckpointError(f'{path}: {_reason(error)}') from error


def _what_it_looks_like(path: Path) -> str:
    """Name what people take for a checkpoint by mistake; empty for what may be one."""
    with path.open('rb') as file:
        start = file.read(64)
    if not start:
        return 'the file is empty'
    if start.startswith(b'version https://git-lfs'):
        return 'a Git LFS pointer, not the file that it points to'
    if start.lstrip().startswith(b'<'):
        return 'a web page, no checkpoint'
    if start[8:9] == b'{':
        return 'a safetensors file; a PyTorch checkpoint (.pt) is needed'
    if start.startswith(b'PK') and not is_zipfile(path):
        return 'truncated: the archive has no end'
    return ''


def _damaged_record(path: Path) -> str | None:
    """Return the first record of a zip archive that differs from its checksum."""
    with ZipFile(path) as archive:
        for info in archive.infolist():
            # torch can be told to save without checksums, and then writes 0.
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
    """Make one line of the page that torch writes about a file it refuses."""
    text = str(error)
    refused = re.search(r'GLOBAL (\S+)', text)
    if refused:
        return f'holds {refused[1]} objects, and only tensors are read'
    if 'TorchScript' in text:
        return 'a TorchScript program, and only tensors are read'
    if 'weights_only' in text:
        # That page recommends to read the file as a program. Nobody should.
        return 'damaged, or not written by torch.save'
    first, _, _ = text.strip().partition('\n')
    return f'no checkpoint: {first or type(error).__name__}'


def _weights(path: Path, key: object, value: object) -> Tensor:
    """Return one entry of a state dict as float32."""
    if not isinstance(value, Tensor):
        raise CheckpointError(f'{path}: {key} is no tensor but {_kind(value)}')
    if not value.is_floating_point() or value.layout != torch.strided or value.is_meta:
        raise CheckpointError(
            f'{path}: {key} is no dense floating point tensor but {_kind(value)}'
        )
    weights = value.detach().float()
    # A sum shows at once whether there is anything to look for. NumPy's, because torch would wake
    # its threads for each of hundreds of small tensors.
    values = weights.numpy()
    with np.errstate(over='ignore', invalid='ignore'):
        suspicious = not np.isfinite(values.sum())
    if suspicious and not np.isfinite(values).all():
        raise CheckpointError(f'{path}: {key} holds values that are not finite')
    return weights


def _kind(value: object) -> str:
    if isinstance(value, Mapping) and value:
        return f'a dict with the keys {", ".join(map(str, list(value)[:_NAMED_AT_MOST]))}'
    if isinstance(value, Mapping):
        return 'an empty dict'
    if isinstance(value, Tensor):
        return f'a {value.layout} tensor of {value.dtype} on {value.device.type}'
    return f'a value of type {type(value).__name__}'
