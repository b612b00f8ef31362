# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Where the node decides what computes, how precisely, and with which weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sam_tracker.model.checkpoint import load_network
from sam_tracker.model.network import Sam2Network
from sam_tracker.ros.parameters import ParameterError
from sam_tracker.ros.stamps import SECOND
from sam_tracker.ros.tracker_parameters import TrackerParameters
from sam_tracker.tracking.settings import TrackerSettings


@dataclass(frozen=True)
class NetworkSetup:
    """A network that is ready to be used, and what to say of it."""

    network: Sam2Network
    model: str
    device: torch.device
    precision: str

    @property
    def description(self) -> str:
        size = self.network.configuration.image_size
        return f'{self.model} at {size} px on {self.device} in {self.precision}'

    def device_memory(self) -> int | None:
        """Bytes that this process holds on the device; None on the CPU."""
        if self.device.type != 'cuda':
            return None
        return torch.cuda.memory_allocated(self.device)


def set_up_network(parameters: TrackerParameters) -> NetworkSetup:
    """
    Load the network that the parameters ask for onto its device.

    Raises ``ParameterError`` for a device that is not there or an impossible image size, and
    ``CheckpointError`` when there are no such weights or they cannot be read.
    """
    device = _device(parameters.device)
    if parameters.cpu_threads:
        torch.set_num_threads(parameters.cpu_threads)
    try:
        network = load_network(
            parameters.checkpoint or parameters.model, parameters.image_size or None
        )
    except ValueError as error:
        raise ParameterError(str(error)) from error
    precision = parameters.precision
    if precision == 'auto':
        precision = 'bfloat16' if device.type == 'cuda' else 'float32'
    dtype = torch.bfloat16 if precision == 'bfloat16' else torch.float32
    network = network.to(device, dtype).requires_grad_(False).eval()
    return NetworkSetup(network, network.configuration.name, device, precision)


def tracker_settings(parameters: TrackerParameters, model: str) -> TrackerSettings:
    """Return the settings of the tracker, in its units; ``model`` fills in what depends on it."""
    suited = TrackerSettings.for_network(model)
    weight = parameters.motion_weight
    return TrackerSettings(
        motion_aware=parameters.motion_aware,
        motion_weight=suited.motion_weight if weight < 0 else weight,
        stable_frames=parameters.stable_frames,
        stable_affinity=parameters.stable_affinity,
        # Without its rules the node is plain SAM 2, which asks more of an object's presence.
        presence_logit=suited.presence_logit if parameters.motion_aware else 0.0,
        frame_period=round(SECOND / parameters.frame_rate),
        memory_affinity=parameters.memory_affinity,
        memory_object_logit=parameters.memory_object_score,
        memory_motion_score=parameters.memory_motion_score,
        exclusive=parameters.exclusive,
        lost_after=round(parameters.lost_after * SECOND),
        maximum_objects=parameters.maximum_objects,
    )


def _device(name: str) -> torch.device:
    if name == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ParameterError(f'device must be auto, cpu, cuda or cuda:N, not {name!r}') from error
    if device.type not in {'cpu', 'cuda'}:
        raise ParameterError(f'device must be auto, cpu, cuda or cuda:N, not {name!r}')
    count = torch.cuda.device_count()
    if device.type == 'cuda' and (device.index or 0) >= count:
        raise ParameterError(
            f'device is {name!r}, but torch {torch.__version__} finds {count} CUDA devices here'
        )
    return device
