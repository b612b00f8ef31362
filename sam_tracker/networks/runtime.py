# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Device, precision and compilation of a network, chosen once by the caller that loads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch import nn

from sam_tracker.networks.api import PromptableNetwork
from sam_tracker.networks.cuda_graphs import graphed
from sam_tracker.networks.precision import narrow_weights

Network = TypeVar('Network', bound=PromptableNetwork)

_PROCESSORS = Path('/proc/cpuinfo')

PRECISIONS = {
    'float32': torch.float32,
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
}


@dataclass(frozen=True)
class Runtime:
    """A device, and how to compute on it."""

    device: torch.device
    precision: torch.dtype = torch.float32
    """
    float32, or the narrower type of matrix products.

    On a GPU narrower types are used through autocast: norms, softmax, positions and all sums stay
    float32, as in SAM 2's own predictors. The weights of linear layers and convolutions are kept
    in the narrow type, so that autocast has none to convert. On a CPU the network keeps the
    weights of its large matrix products in the narrow type, and converts what enters them itself.
    """
    compiled: bool = False
    """Whether to use ``torch.compile`` for the parts that take the time."""
    cuda_graphs: bool = False
    """Whether to replay the calls of the network as CUDA graphs; on a GPU only."""

    @property
    def memory_type(self) -> torch.dtype:
        """Type of stored memories: bfloat16 as in SAM 2; autocast does not mix it with float16."""
        return torch.float16 if self.precision == torch.float16 else torch.bfloat16

    def place(self, network: Network) -> Network:
        """
        Prepare a network for inference here: device, evaluation mode, channels-last, kernels.

        In a narrow precision it is then to be run inside ``inference``.

        :param network: an ``nn.Module``; changed in place.
        :returns: the network to use: the same, or what replays its calls as CUDA graphs.
        """
        module = cast(nn.Module, network)
        module.to(self.device).eval()
        # torch's annotations leave this form out.
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        module.requires_grad_(False)
        on_cpu = self.device.type == 'cpu'
        network.optimise(self.device, self.precision if on_cpu else torch.float32, self.compiled)
        if not on_cpu:
            narrow_weights(module, self.precision)
        return graphed(network) if self.cuda_graphs else network

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Run what is inside without gradients, in this precision."""
        narrow = self.precision != torch.float32 and self.device.type != 'cpu'
        with (
            torch.inference_mode(),
            # A converted weight that is cached while a graph is captured would lie in the memory
            # of that graph, and be read after the next replay has overwritten it.
            torch.autocast(
                self.device.type, dtype=self.precision, enabled=narrow, cache_enabled=False
            ),
        ):
            yield


def choose_runtime(
    device: str = 'auto',
    precision: str = 'auto',
    compiled: bool = False,
    cuda_graphs: bool = True,
) -> Runtime:
    """
    Choose a runtime from what a user wrote.

    :param device: a name that torch knows, such as ``cpu``, ``cuda`` or ``cuda:1``; ``auto`` is
        the first GPU if there is one, else the CPU.
    :param precision: one of ``PRECISIONS``; ``auto`` is bfloat16 where it is computed in, on a
        GPU or a CPU, else float32.
    :param cuda_graphs: whether to use CUDA graphs on a GPU; not with ``compiled``, since the two
        were not measured together.
    :raises ValueError: for a device that is not there or not supported, and a precision that is
        not known.
    """
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f'device {device!r} is not one that torch knows: {error}') from None
    if place.type not in {'cpu', 'cuda'}:
        # Others lack operations that the networks use, or hold no values at all (meta).
        raise ValueError(f'device {device!r} is not supported: give cpu, cuda or cuda:N')
    if place.type == 'cuda' and (place.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f'device {device!r} is not there: torch finds {torch.cuda.device_count()} GPUs'
        )
    if precision == 'auto':
        precision = 'bfloat16' if computes_bfloat16(place) else 'float32'
    if precision not in PRECISIONS:
        raise ValueError(f'precision {precision!r} is not one of auto, {", ".join(PRECISIONS)}')
    graphs = cuda_graphs and place.type == 'cuda' and not compiled
    return Runtime(place, PRECISIONS[precision], compiled, graphs)


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a GPU (from Ampere, 8.0, on) or a CPU computes in bfloat16 itself."""
    if device.type == 'cuda':
        return torch.cuda.get_device_capability(device) >= (8, 0)
    try:
        return multiplies_bfloat16(_PROCESSORS.read_text())
    except OSError:
        return False


def multiplies_bfloat16(processors: str) -> bool:
    """
    Return whether processors have AVX512-BF16, as those with AMX do; of ARM's nothing is measured.

    torch's own question counts processors that have to emulate it, which is slower than float32.

    :param processors: as Linux describes them in ``/proc/cpuinfo``.
    """
    return any(
        'avx512_bf16' in line.split()
        for line in processors.splitlines()
        if line.startswith('flags')
    )
