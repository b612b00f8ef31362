# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""SAM 2.1 for the registry: how its checkpoints are recognised and its networks built."""

from collections.abc import Collection, Mapping
import re

from torch import Tensor

from sam_tracker.networks.api import NetworkFamily
from sam_tracker.networks.sam2.configuration import CONFIGURATION_NAMES, configuration_named
from sam_tracker.networks.sam2.network import Sam2Network

# At most three digits: a key of an untrusted file may have thousands.
_BLOCK = re.compile(r'image_encoder\.trunk\.blocks\.(\d{1,3})\.')
_NEW_IN_2_1 = {'no_obj_embed_spatial', 'obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias'}


def _recognise(state_dict: Mapping[str, Tensor]) -> str | None:
    """
    Return the size whose image encoder has this width and depth and whose embedding this width.

    Other keys are not read, so that an incomplete state dict is recognised too.
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
    return None


def _last_size(state_dict: Mapping[str, Tensor], *keys: str) -> int | None:
    """Return the last dimension of the first of the keys that is there."""
    for key in keys:
        tensor = state_dict.get(key)
        if tensor is not None and tensor.ndim:
            return tensor.shape[-1]
    return None


def _build(name: str, image_size: int | None) -> Sam2Network:
    return Sam2Network(configuration_named(name, image_size))


def _hint(missing: Collection[str]) -> str:
    return 'it looks like SAM 2, and SAM 2.1 is needed' if set(missing) >= _NEW_IN_2_1 else ''


SAM2 = NetworkFamily('SAM 2.1', CONFIGURATION_NAMES, _recognise, _build, _hint)
