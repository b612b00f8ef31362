# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Averages of the parameters over time and over processes."""

import torch
from torch import Tensor, distributed, nn


class MovingAverage:
    """
    The exponential moving average of a network's parameters, which is what is shipped.

    It forgets faster in the beginning, so that it is useful from the first minutes on.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self._tensors = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take a step towards the network as it is now."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        current = network.state_dict()
        # Counters of batches, which some trunks have, are not averaged.
        names = [name for name, value in current.items() if value.is_floating_point()]
        own = [self._tensors[name] for name in names]
        torch._foreach_lerp_(own, [current[name] for name in names], 1 - decay)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged parameters."""
        return self._tensors

    def load_state_dict(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Continue from averages that were saved."""
        self._steps = steps
        for name, value in tensors.items():
            self._tensors[name].copy_(value)


@torch.no_grad()
def average_parameters(network: nn.Module) -> None:
    """Replace every parameter by its mean over the processes."""
    parameters = list(network.parameters())
    # Processes that share a GPU meet on the host: NCCL wants a GPU for each.
    flat = torch.cat([parameter.flatten() for parameter in parameters]).cpu()
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    flat = flat.to(parameters[0].device)
    sizes = [parameter.numel() for parameter in parameters]
    for parameter, mean in zip(parameters, flat.split(sizes), strict=True):
        parameter.copy_(mean.view_as(parameter))
