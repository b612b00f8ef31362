# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""SAM 2.1 with MobileNetV2 for the registry: how its weights are recognised and it is built."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from sam_tracker.networks.api import NetworkFamily
from sam_tracker.networks.mobile.configuration import MobileConfiguration
from sam_tracker.networks.mobile.network import MobileNetwork

_NAME = MobileConfiguration().name


def mobile_configuration(image_size: int | None = None) -> MobileConfiguration:
    """Return the configuration, at its own image size unless another is given."""
    configuration = MobileConfiguration()
    return configuration if image_size is None else replace(configuration, image_size=image_size)


def _recognise(state_dict: Mapping[str, Tensor]) -> str | None:
    """Return the name for any state dict with the first convolution of this trunk."""
    signs = ('image_encoder.trunk.stem.weight', 'image_encoder.trunk.stem.bias')
    return _NAME if any(sign in state_dict for sign in signs) else None


def _build(name: str, image_size: int | None) -> MobileNetwork:
    assert name == _NAME
    return MobileNetwork(mobile_configuration(image_size))


MOBILE = NetworkFamily('SAM 2.1 with MobileNetV2', (_NAME,), _recognise, _build)
