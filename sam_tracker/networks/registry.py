# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The networks that can be loaded.

Adding one: a folder beside ``sam2`` with a network (``networks.api``) and its ``NetworkFamily``,
and the family's line in ``FAMILIES``.
"""

from collections.abc import Mapping

from torch import Tensor

from sam_tracker.networks.api import NetworkFamily, PromptableNetwork
from sam_tracker.networks.edgetam.family import EDGETAM
from sam_tracker.networks.mobile.family import MOBILE
from sam_tracker.networks.sam1.family import SAM1
from sam_tracker.networks.sam2.family import SAM2

FAMILIES: tuple[NetworkFamily, ...] = (SAM2, MOBILE, EDGETAM, SAM1)


def network_names() -> tuple[str, ...]:
    """Return the names of all networks, family by family."""
    return tuple(name for family in FAMILIES for name in family.names)


def family_of(name: str) -> NetworkFamily:
    """
    Return the family that a network belongs to.

    :raises ValueError: there is no network of that name.
    """
    for family in FAMILIES:
        if name in family.names:
            return family
    raise ValueError(f'unknown network {name!r}; choose from {", ".join(network_names())}')


def recognise(state_dict: Mapping[str, Tensor]) -> str | None:
    """Return the name of the network whose weights a state dict holds; None: of none."""
    names = (family.recognise(state_dict) for family in FAMILIES)
    return next((name for name in names if name is not None), None)


def build_network(name: str, image_size: int | None = None) -> PromptableNetwork:
    """
    Build the network of that name, with random weights.

    :param image_size: side of its square input in pixels; None: its own.
    :raises ValueError: an unknown name or an impossible size.
    """
    return family_of(name).build(name, image_size)
