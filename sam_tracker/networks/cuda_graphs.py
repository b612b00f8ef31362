# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
CUDA graphs of a network's calls.

A frame is a thousand small kernels, and launching them one by one takes the host longer than the
GPU needs to run them. A graph launches those of a call at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, is_dataclass
import threading
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from sam_tracker.networks.api import ImageFeatures, MaskCandidates, Memory, PromptableNetwork

Network = TypeVar('Network', bound=PromptableNetwork)
Result = TypeVar('Result')

MOST_LAYOUTS = 16
"""Layouts of one method that are remembered, with a graph of each: bounds their memory."""


def graphed(network: Network) -> Network:
    """
    Return a network on a GPU that replays its calls as CUDA graphs.

    The first call with a layout of tensors is made as ever; the second is captured, and from then
    on it is replayed. Objects that come and go change layouts: nothing is compiled, and what is
    rare costs no more than without graphs. Results are those of the network.

    :param network: placed on its device (``Runtime.place``); weights must not change any more.
        Threads may share it as long as all of them use one stream and one precision.
    """
    return cast(Network, GraphedNetwork(network))


class GraphedNetwork:
    """The network itself but for the four methods that take the time."""

    def __init__(self, network: PromptableNetwork) -> None:
        self._network = network
        shared = _Shared(network.device)
        # A network for single images lacks the last two, and nobody calls them.
        self._encode_image = _GraphedCall(network.encode_image, shared)
        self._decode = _GraphedCall(network.decode, shared)
        self._attend = _GraphedCall(getattr(network, 'attend_to_memory', None), shared)
        self._remember = _GraphedCall(getattr(network, 'encode_memory', None), shared)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the network has
        return getattr(self._network, name)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """Encode images [B, 3, S, S] as the network does."""
        return self._encode_image(images)

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        prompts: object,
        several: bool,
    ) -> MaskCandidates:
        """Decode candidate masks for O objects as the network does."""
        return self._decode(features, conditioned, prompts, several)

    def attend_to_memory(self, embedding: Tensor, memory: Memory) -> Tensor:
        """Condition an image on what O objects remember, as the network does."""
        return self._attend(embedding, memory)

    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """Encode the memory of a frame for O objects as the network does."""
        return self._remember(embedding, mask, object_logit)


class _Shared:
    """What all graphs of a network have in common."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)
        # One pool: results are copied as soon as a graph has run, so that no graph needs what
        # another one left there.
        self.pool = torch.cuda.graph_pool_handle()
        self.lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class _Graph:
    """A captured call: where its arguments go, and where its result appears."""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    result: Any


class _GraphedCall:
    """One method of a network, with a graph for each layout of its arguments."""

    def __init__(self, function: Callable[..., Any] | None, shared: _Shared) -> None:
        self._function = function
        self._shared = shared
        self._graphs: OrderedDict[Hashable, _Graph | None] = OrderedDict()
        """By layout, the least recently used first; None: it was seen once."""

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 -- as the method has them
        assert self._function is not None
        key = layout(arguments)
        with self._shared.lock:
            if key not in self._graphs:
                self._graphs[key] = None
                if len(self._graphs) > MOST_LAYOUTS:
                    self._graphs.popitem(last=False)
                return self._function(*arguments)
            self._graphs.move_to_end(key)
            graph = self._graphs[key]
            if graph is None:
                graph = self._graphs[key] = self._captured(arguments)
            for place, given in zip(graph.inputs, tensors(arguments), strict=True):
                place.copy_(given)
            graph.graph.replay()
            return with_tensors(graph.result, (each.clone() for each in tensors(graph.result)))

    def _captured(self, arguments: tuple[Any, ...]) -> _Graph:
        assert self._function is not None
        inputs = [each.clone() for each in tensors(arguments)]
        graph = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self._shared.stream.device)
        self._shared.stream.wait_stream(current)
        static = with_tensors(arguments, iter(inputs))
        with torch.cuda.stream(self._shared.stream):
            # What libraries and compiled parts do at the first call with these very strides and on
            # this stream must not happen while kernels are captured.
            self._function(*static)
            # Other threads may use the device meanwhile.
            graph.capture_begin(self._shared.pool, capture_error_mode='thread_local')
            try:
                result = self._function(*static)
            finally:
                graph.capture_end()
        current.wait_stream(self._shared.stream)
        return _Graph(graph, inputs, result)


def layout(value: Any) -> Hashable:  # noqa: ANN401
    """Return what makes two values alike but for the numbers in their tensors."""
    if isinstance(value, Tensor):
        return tuple(value.shape), value.stride(), value.dtype
    if is_dataclass(value):
        return type(value), *(layout(part) for part in _parts(value))
    if isinstance(value, tuple):
        return tuple(layout(part) for part in value)
    return cast(Hashable, value)


def tensors(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    """Yield the tensors in a tensor, a tuple or a dataclass, however deep."""
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value) or isinstance(value, tuple):
        for part in value if isinstance(value, tuple) else _parts(value):
            yield from tensors(part)


def with_tensors(value: Result, given: Iterator[Tensor]) -> Result:
    """Return a value with other tensors, in the order of ``tensors``."""
    if isinstance(value, Tensor):
        return cast(Result, next(given))
    if isinstance(value, tuple):
        return cast(Result, tuple(with_tensors(part, given) for part in value))
    if is_dataclass(value):
        make = cast(Callable[..., Result], type(value))
        return make(*(with_tensors(part, given) for part in _parts(value)))
    return value


def _parts(value: Any) -> list[Any]:  # noqa: ANN401
    return [getattr(value, field.name) for field in fields(value)]
