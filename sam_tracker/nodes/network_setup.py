# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Load a network by the parameters of a node, and derive the settings of its tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.core.time import SECOND
from sam_tracker.networks.api import PromptableNetwork, SuitedSettings, VideoNetwork
from sam_tracker.networks.exported.manifest import GraphError
from sam_tracker.networks.exported.network import Session, open_graphs
from sam_tracker.networks.replayed_calls import CALLS_BEFORE_CAPTURE
from sam_tracker.networks.runtime import Runtime, choose_runtime
from sam_tracker.networks.weights.catalogue import find_checkpoint, sha256_of
from sam_tracker.networks.weights.loading import load_image_network, load_network
from sam_tracker.ros.parameters.declaration import AUTO, ParameterError
from sam_tracker.ros.parameters.network import NetworkParameters
from sam_tracker.ros.parameters.tracker import TrackingParameters
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker

NO_FAMILIARITY = -1.0
"""The parameter with which every mask is taken for the object, and none is verified."""

Network = TypeVar('Network', bound=PromptableNetwork)


@dataclass(frozen=True)
class NetworkSetup(Generic[Network]):
    """A network that is ready for use, with its device and precision."""

    network: Network
    runtime: Runtime
    graphs: str = ''
    """Folder of the exported graphs that run instead of parts of it; or none."""

    @property
    def model(self) -> str:
        return self.network.name

    @property
    def device(self) -> torch.device:
        return self.runtime.device

    @property
    def precision(self) -> str:
        return str(self.runtime.precision).removeprefix('torch.')

    @property
    def description(self) -> str:
        size = self.network.image_size
        how = ', compiled' if self.runtime.compiled else ''
        if self.runtime.cuda_graphs:
            how = ', by CUDA graphs'
        if self.graphs:
            how = f', as graphs of {self.graphs}'
        return f'{self.model} at {size} px on {self.device} in {self.precision}{how}'

    def device_memory(self) -> int | None:
        """Bytes that this process holds on the device; None on the CPU."""
        if self.device.type != 'cuda':
            return None
        return torch.cuda.memory_allocated(self.device)


def set_up_network(parameters: NetworkParameters) -> NetworkSetup[VideoNetwork]:
    """
    Load the network that the parameters name onto its device.

    :raises ParameterError: the device is not there, the image size is impossible, or the exported
        graphs cannot be used.
    :raises CheckpointError: there are no such weights, they cannot be read, or they are those of
        a network that cannot track.
    """
    return _set_up(parameters, load_network)


def set_up_image_network(parameters: NetworkParameters) -> NetworkSetup[PromptableNetwork]:
    """Load a network that need not track; errors as for ``set_up_network``."""
    return _set_up(parameters, load_image_network)


def _set_up(
    parameters: NetworkParameters, load: Callable[[str, int | None], Network]
) -> NetworkSetup[Network]:
    if parameters.cpu_threads is not None:
        torch.set_num_threads(parameters.cpu_threads)
    try:
        runtime = choose_runtime(
            parameters.device,
            _precision(parameters),
            parameters.compile,
            parameters.cuda_graphs,
        )
        network = load(parameters.checkpoint or parameters.model, parameters.image_size)
    except ValueError as error:
        raise ParameterError(str(error)) from error
    placed = runtime.place(network)
    if parameters.graphs.folder:
        placed = _with_graphs(placed, parameters, runtime)
    return NetworkSetup(placed, runtime, parameters.graphs.folder)


def _precision(parameters: NetworkParameters) -> str:
    """Return the precision of what torch computes: with float32 graphs the same, unless asked."""
    graphs = parameters.graphs
    if graphs.folder and graphs.backend == 'onnxruntime' and parameters.precision == AUTO:
        return 'float32'
    return parameters.precision


def _with_graphs(network: Network, parameters: NetworkParameters, runtime: Runtime) -> Network:
    """
    Return the network with the parts that were exported run by the backend of the graphs.

    :raises ParameterError: the graphs cannot be used.
    """
    graphs = parameters.graphs
    open_session: Callable[[Path], Session]
    try:
        # Optional dependencies.
        if graphs.backend == 'openvino':
            from sam_tracker.networks.exported.openvino_session import OpenVinoSession

            open_session = partial(
                OpenVinoSession, device=network.device, precision=runtime.precision
            )
        else:
            from sam_tracker.networks.exported.session import GraphSession

            providers = [name.strip() for name in graphs.providers.split(',') if name.strip()]
            open_session = partial(GraphSession, device=network.device, providers=providers)
    except ImportError as error:
        raise ParameterError(f'graphs.folder needs the Python package {error.name}') from error
    weights = sha256_of(find_checkpoint(parameters.checkpoint or parameters.model))
    try:
        return open_graphs(network, weights, Path(graphs.folder), open_session)
    except GraphError as error:
        raise ParameterError(f'graphs.folder: {error}') from error


def tracker_settings(parameters: TrackingParameters, suited: SuitedSettings) -> TrackerSettings:
    """
    Return the settings of the tracker, in its units.

    :param suited: values of the network, where a parameter is ``auto``.
    """
    motion, memory = parameters.motion, parameters.memory
    settings = TrackerSettings.for_network(suited, parameters.mode)
    familiarity, certain = parameters.familiarity, parameters.certain_familiarity
    if familiarity is not None:
        settings = replace(settings, familiarity=familiarity)
    if certain is not None:
        settings = replace(settings, certain_familiarity=certain)
    if familiarity == NO_FAMILIARITY:
        settings = replace(settings, certain_familiarity=None)
    return replace(
        settings,
        motion_weight=suited.motion_weight if motion.weight is None else motion.weight,
        stable_frames=motion.stable_frames,
        stable_affinity=motion.stable_affinity,
        frame_period=round(SECOND / motion.nominal_rate),
        memory_affinity=memory.affinity,
        memory_object_logit=memory.object_score,
        memory_motion_score=memory.motion_score,
        closer_look=parameters.closer_look == 'auto',
        exclusive=parameters.resolve_overlaps,
        lost_after=round(parameters.lost_after * SECOND),
        forget_after=round(parameters.forget_after * SECOND),
        same_object=parameters.same_object,
        maximum_objects=parameters.maximum_objects,
    )


def warm_up(
    tracker: Tracker, setup: NetworkSetup[VideoNetwork], width: int = 640, height: int = 480
) -> None:
    """
    Track an object for a few frames and forget it; the tracker must have no objects.

    Libraries and devices then do before the first image what they do at their first use. What is
    compiled or captured is so for one object and for two; what is compiled for two serves for any
    number.
    """
    image = np.zeros((height, width, 3), np.uint8)
    left = np.arange(width) < width // 2
    image[:, left] = 255
    box = Prompt(box=np.array([0, 0, width // 2, height]))
    halves = [Prompt(mask=np.broadcast_to(half, (height, width))) for half in (left, ~left)]
    runtime = setup.runtime
    stages, steps = [([box], 2)], 2
    if runtime.cuda_graphs:
        # Until all memories and pointers exist, and then until their layout is captured.
        steps += setup.network.memory_layout.recent_pointers + CALLS_BEFORE_CAPTURE
    if runtime.compiled or runtime.cuda_graphs:
        most = min(len(halves), tracker.settings.maximum_objects)
        stages += [(halves[:count], steps) for count in range(1, most + 1)]
    for prompts, count in stages:
        for prompt in prompts:
            tracker.add_prompt(Frame(image, 0), prompt)
        for step in range(count):
            for track in tracker.step(Frame(image, step + 1)):
                _ = track.mask_crop
        tracker.reset()
