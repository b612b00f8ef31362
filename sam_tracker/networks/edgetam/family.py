# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""EdgeTAM for the registry: how its checkpoint is recognised and its network built."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from sam_tracker.networks.api import NetworkFamily
from sam_tracker.networks.edgetam.configuration import EdgeTamConfiguration
from sam_tracker.networks.edgetam.network import EdgeTamNetwork

_NAME = EdgeTamConfiguration().name


def _recognise(state_dict: Mapping[str, Tensor]) -> str | None:
    """Return the name of EdgeTAM for any state dict with a perceiver or EdgeTAM's trunk."""
    signs = ('spatial_perceiver.', 'image_encoder.trunk.body.stem.')
    return _NAME if any(key.startswith(signs) for key in state_dict) else None


def _build(name: str, image_size: int | None) -> EdgeTamNetwork:
    configuration = EdgeTamConfiguration(name=name)
    if image_size is not None:
        configuration = replace(configuration, image_size=image_size)
    return EdgeTamNetwork(configuration)


EDGETAM = NetworkFamily('EdgeTAM', (_NAME,), _recognise, _build)
