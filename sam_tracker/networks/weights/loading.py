# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Loads a network with the weights of a checkpoint file.

A file fits exactly or is refused with one line that says what is wrong with it. Nothing is
downloaded here: ``sam_tracker-checkpoint`` does that.
"""

from collections.abc import Mapping
import os
from typing import cast

import torch
from torch import Tensor, nn

from sam_tracker.networks.api import PromptableNetwork, VideoNetwork
from sam_tracker.networks.registry import build_network, family_of, network_names, recognise
from sam_tracker.networks.weights.catalogue import CheckpointError, find_checkpoint
from sam_tracker.networks.weights.state_dict_file import (
    NAMED_AT_MOST,
    read_checkpoint,
    shown,
)


def load_network(
    name_or_path: str | os.PathLike[str], image_size: int | None = None
) -> VideoNetwork:
    """
    Load a network that tracks: float32, CPU, evaluation mode.

    :param name_or_path: as for ``find_checkpoint``.
    :param image_size: side of the square input in pixels; None: the network's own.
    :raises CheckpointError: the file is missing or cannot be read, does not hold exactly the
        weights of one network in the registry, or holds a network for single images.
    :raises ValueError: an impossible image size.
    """
    network = load_image_network(name_or_path, image_size)
    if not isinstance(network, VideoNetwork):
        raise CheckpointError(
            f'{os.fspath(name_or_path)}: {network.name} segments single images and cannot track'
        )
    return network


def load_image_network(
    name_or_path: str | os.PathLike[str], image_size: int | None = None
) -> PromptableNetwork:
    """
    Load a network that answers prompts on images: float32, CPU, evaluation mode.

    Parameters and errors as for ``load_network``; a network that does not track is loaded too.
    """
    path = find_checkpoint(name_or_path)
    state_dict = read_checkpoint(path).state_dict
    asked = os.fspath(name_or_path)
    name = asked if asked in network_names() else recognise(state_dict)
    if name is None:
        raise CheckpointError(f'{path}: {_unknown(state_dict)}')
    network = build_network(name, image_size)
    problem = _misfit(state_dict, network)
    if problem:
        raise CheckpointError(f'{path}: {problem}')
    module = cast(nn.Module, network)
    module.load_state_dict(state_dict, strict=True)
    module.eval()
    return network


def misfit(state_dict: Mapping[str, Tensor]) -> str:
    """Return why a state dict fits no network, in one line; '' if it fits one."""
    name = recognise(state_dict)
    if name is None:
        return _unknown(state_dict)
    with torch.device('meta'):
        return _misfit(state_dict, build_network(name))


def _misfit(state_dict: Mapping[str, Tensor], network: PromptableNetwork) -> str:
    held = recognise(state_dict)
    if held != network.name:
        return _unknown(state_dict) if held is None else f'holds {held}, not {network.name}'
    expected = cast(nn.Module, network).state_dict()
    missing = [key for key in expected if key not in state_dict]
    unexpected = [shown(key) for key in state_dict if key not in expected]
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
    if not any(problems):
        return ''
    problems.append(family_of(held).hint(missing))
    return f'does not fit the {held} network: {"; ".join(filter(None, problems))}'


def _unknown(state_dict: Mapping[str, Tensor]) -> str:
    first = ', '.join(shown(key) for key in list(state_dict)[:NAMED_AT_MOST])
    return (
        f'holds another architecture: {len(state_dict)} tensors ({first}, ...), not those of any '
        f'known network ({", ".join(network_names())})'
    )


def _counted(items: list[str], what: str) -> str:
    if not items:
        return ''
    more = ', ...' if len(items) > NAMED_AT_MOST else ''
    noun = 'key' if len(items) == 1 else 'keys'
    return f'{len(items)} {noun} {what} ({", ".join(items[:NAMED_AT_MOST])}{more})'
