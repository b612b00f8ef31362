# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
CUDA graphs of a network's calls.

A frame is a thousand small kernels, and launching them one by one takes the host longer than the
GPU needs to run them. A graph launches those of a call at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

from sam_tracker.networks.api import PromptableNetwork
from sam_tracker.networks.replayed_calls import ReplayedNetwork

Network = TypeVar('Network', bound=PromptableNetwork)
Result = TypeVar('Result')


def graphed(network: Network) -> Network:
    """
    Return a network on a GPU that replays its calls as CUDA graphs; see ``ReplayedNetwork``.

    :param network: ready for inference; its weights must not change any more.
    """
    return cast(Network, ReplayedNetwork(network, GraphCapture(network.device)))


class GraphCapture:
    """Captures calls on one GPU; see ``replayed_calls.Capture``."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        # One pool: results are copied as soon as a graph has run, so that no graph needs what
        # another one left there.
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(
        self, function: Callable[..., Result], arguments: tuple[Any, ...]
    ) -> Callable[[], Result]:
        """Capture a call; the tensors in its arguments must outlive what is returned."""
        graph = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                # What libraries and compiled parts set up at the first call with these strides
                # on this stream must not be captured.
                function(*arguments)
                # Other threads may use the device meanwhile.
                graph.capture_begin(self._pool, capture_error_mode='thread_local')
                try:
                    result = function(*arguments)
                finally:
                    graph.capture_end()
        except RuntimeError:
            # A pool whose only capture failed cannot be used for another one.
            self._pool = torch.cuda.graph_pool_handle()
            raise
        finally:
            # The arguments may be freed once this has returned.
            current.wait_stream(self._stream)

        def replay() -> Result:
            graph.replay()
            return result

        return replay
