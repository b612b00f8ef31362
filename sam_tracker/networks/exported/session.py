# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Runs one graph in onnxruntime on torch's tensors, which it reads and writes in place."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from sam_tracker.networks.exported.manifest import GraphError

_TYPES = {
    'tensor(float)': (torch.float32, np.float32),
    'tensor(int64)': (torch.int64, np.int64),
}

_ON_A_CUDA_DEVICE = {'CUDAExecutionProvider', 'TensorrtExecutionProvider'}


class GraphSession:
    """One graph, loaded."""

    def __init__(self, path: Path, device: torch.device, providers: Sequence[str]) -> None:
        """
        Load a graph.

        :param device: of the tensors that it is given, and of those that it returns.
        :param providers: of onnxruntime, the preferred one first, such as
            ``TensorrtExecutionProvider``; empty: the one of the device.
        :raises GraphError: onnxruntime cannot load the file, has no such provider, or cannot start
            the preferred one.
        """
        if not providers:
            providers = [f'{device.type.upper()}ExecutionProvider']
        known = onnxruntime.get_available_providers()
        for provider in providers:
            if provider not in known:
                raise GraphError(f'onnxruntime has no {provider!r} here, only {", ".join(known)}')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        # Its threads would spin between two frames.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        # It would log each error that it also raises; 4 is fatal.
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=on_device(providers, device)
            )
        except Exception as error:  # its errors have no common class
            raise GraphError.of(path, error) from error
        started = self._session.get_providers()
        if providers[0] not in started:
            # Such as for want of a CUDA library: onnxruntime only warns, and runs on the CPU.
            raise GraphError(
                f'{path}: onnxruntime could not start {providers[0]!r}, only {", ".join(started)}'
            )
        self._device = device
        self._outputs = self._session.get_outputs()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run the graph; the inputs in its order, converted to its types."""
        binding = self._session.io_binding()
        place = self._device.type, self._device.index or 0
        # Tensors that are bound must live until the graph has run.
        bound = []
        for description, tensor in zip(self._session.get_inputs(), inputs, strict=True):
            dtype, element = _TYPES[description.type]
            given = tensor.to(self._device, dtype).contiguous()
            if list(given.shape) != description.shape:
                raise ValueError(
                    f'{description.name} must be {description.shape}, not {list(given.shape)}'
                )
            binding.bind_input(description.name, *place, element, given.shape, given.data_ptr())
            bound.append(given)
        outputs = []
        for description in self._outputs:
            dtype, element = _TYPES[description.type]
            output = torch.empty(description.shape, dtype=dtype, device=self._device)
            binding.bind_output(description.name, *place, element, output.shape, output.data_ptr())
            outputs.append(output)
        if self._device.type == 'cuda':
            # onnxruntime has a stream of its own.
            torch.cuda.current_stream(self._device).synchronize()
        self._session.run_with_iobinding(binding)
        if self._device.type == 'cuda':
            binding.synchronize_outputs()
        return tuple(outputs)


def on_device(
    providers: Sequence[str], device: torch.device
) -> list[str | tuple[str, dict[str, int]]]:
    """Return providers as onnxruntime takes them, on the GPU of a device where they run on one."""
    return [
        (name, {'device_id': device.index or 0}) if name in _ON_A_CUDA_DEVICE else name
        for name in providers
    ]
