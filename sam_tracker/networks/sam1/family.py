# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The first SAM for the registry: how its checkpoints are recognised and its networks built."""

from collections.abc import Mapping
import re

from torch import Tensor

from sam_tracker.networks.api import NetworkFamily
from sam_tracker.networks.sam1.configuration import SAM1_NAMES, sam1_configuration
from sam_tracker.networks.sam1.network import Sam1Network

# At most three digits: a key of an untrusted file may have thousands.
_BLOCK = re.compile(r'image_encoder\.blocks\.(\d{1,3})\.')
_WIDTH = 'image_encoder.patch_embed.proj.bias'


def _recognise(state_dict: Mapping[str, Tensor]) -> str | None:
    """Return the size whose image encoder has this depth, and this width if it is there."""
    blocks = 1 + max((int(m[1]) for m in map(_BLOCK.match, state_dict) if m), default=-1)
    width = state_dict.get(_WIDTH)
    for name in SAM1_NAMES:
        size = sam1_configuration(name)
        if blocks == size.blocks and (width is None or width.shape == (size.width,)):
            return name
    return None


def _build(name: str, image_size: int | None) -> Sam1Network:
    return Sam1Network(sam1_configuration(name, image_size))


SAM1 = NetworkFamily('SAM', SAM1_NAMES, _recognise, _build)
