# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Runs one graph in OpenVINO on a CPU, on torch's tensors, which it reads and writes in place."""

from pathlib import Path
import threading

import openvino
import torch
from torch import Tensor

from sam_tracker.core.texts import error_text
from sam_tracker.networks.exported.manifest import GraphError

_TYPES = {'f32': torch.float32, 'i64': torch.int64}
_PRECISIONS = {torch.float32: 'f32', torch.bfloat16: 'bf16'}


class OpenVinoSession:
    """One graph, loaded; callable from any thread."""

    def __init__(self, path: Path, device: torch.device, precision: torch.dtype) -> None:
        """
        Load a graph.

        :param device: of the tensors that it is given, and of those that it returns; a CPU.
        :param precision: float32 or bfloat16, the type of matrix products; inputs and outputs
            are float32.
        :raises GraphError: OpenVINO cannot load the file, or does not run it there or in that
            precision.
        """
        if device.type != 'cpu' or precision not in _PRECISIONS:
            narrow = str(precision).removeprefix('torch.')
            raise GraphError(
                f'OpenVINO runs graphs on cpu in float32 or bfloat16, not on {device} in {narrow}'
            )
        properties = {
            'INFERENCE_PRECISION_HINT': _PRECISIONS[precision],
            'INFERENCE_NUM_THREADS': torch.get_num_threads(),
            'NUM_STREAMS': 1,
            # Other programs use the cores, too.
            'ENABLE_CPU_PINNING': False,
        }
        try:
            self._graph = openvino.Core().compile_model(str(path), 'CPU', properties)
        except RuntimeError as error:
            # It begins with lines of its own source.
            raise GraphError(f'{path}: {error_text(error)}') from error
        self._own = threading.local()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run the graph; the inputs in its order, converted to its types."""
        request = getattr(self._own, 'request', None)
        if request is None:
            # Two threads cannot use one at a time.
            request = self._own.request = self._graph.create_infer_request()
        # Tensors that are bound must live until the graph has run.
        bound = []
        for place, (port, tensor) in enumerate(zip(self._graph.inputs, inputs, strict=True)):
            given = tensor.detach().to(_TYPES[port.element_type.get_type_name()]).contiguous()
            if list(given.shape) != list(port.shape):
                raise ValueError(
                    f'{port.any_name} must be {list(port.shape)}, not {list(given.shape)}'
                )
            bound.append(given)
            request.set_input_tensor(place, openvino.Tensor(given.numpy(), shared_memory=True))
        outputs = []
        for place, port in enumerate(self._graph.outputs):
            dtype = _TYPES[port.element_type.get_type_name()]
            output = torch.empty(list(port.shape), dtype=dtype)
            outputs.append(output)
            request.set_output_tensor(place, openvino.Tensor(output.numpy(), shared_memory=True))
        request.infer()
        return tuple(outputs)
