# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Extracts a state dict from the wrappers that trainers save it in."""

from collections.abc import Mapping

CONTAINERS = ('model', 'state_dict', 'model_state_dict')
"""Keys under which trainers put a state dict, beside epochs, optimizers and scores."""
PREFIXES = ('module.', '_orig_mod.', 'model.')
"""What DistributedDataParallel, torch.compile and Lightning put before every name."""


def unwrapped(content: object) -> tuple[object, str]:
    """
    Return the state dict in a file's content, and how it was wrapped; '' if it was not.

    :param content: a state dict, or a dict that has one under a key of ``CONTAINERS``. Everything
        else is returned as it is.
    """
    if isinstance(content, Mapping):
        for key in CONTAINERS:
            if isinstance(content.get(key), Mapping):
                return content[key], f'under the key {key}'
    return content, ''


def without_prefix(state_dict: Mapping[str, object]) -> tuple[dict[str, object], str]:
    """Return a state dict without the prefixes that all its names share, and those prefixes."""
    stripped = dict(state_dict)
    removed = ''
    # Each prefix at most once: a compiled network may have been distributed too.
    for _ in PREFIXES:
        common = next((p for p in PREFIXES if all(key.startswith(p) for key in stripped)), None)
        if common is None or not stripped:
            break
        stripped = {key.removeprefix(common): value for key, value in stripped.items()}
        removed += common
    return stripped, removed
