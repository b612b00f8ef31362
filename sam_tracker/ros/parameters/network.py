# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node that runs a network."""

from dataclasses import dataclass, field

from sam_tracker.networks.weights.catalogue import DEFAULT_CHECKPOINT, KNOWN_CHECKPOINTS
from sam_tracker.ros.parameters.declaration import AUTO, declared


@dataclass(frozen=True)
class GraphParameters:
    """Exported graphs that run instead of torch's network."""

    folder: str = declared(
        '',
        'Folder that sam_tracker-export wrote from the same weights and image size: backend '
        'then runs the network on tracked frames, and torch on prompts. Empty: all in torch.',
    )
    backend: str = declared(
        'onnxruntime',
        'What runs the graphs: onnxruntime in float32, on the devices of its providers, or '
        'openvino on the CPU in float32 or bfloat16, by precision.',
        choices=('onnxruntime', 'openvino'),
    )
    providers: str = declared(
        '',
        'Execution providers of onnxruntime, the preferred one first, separated by commas, such '
        'as TensorrtExecutionProvider,CUDAExecutionProvider. Empty: the one of device.',
    )


@dataclass(frozen=True)
class NetworkParameters:
    """Which network it is, and how it runs."""

    model: str = declared(
        DEFAULT_CHECKPOINT,
        'Network whose weights are looked up by name. nano and mobile come with the package; '
        '`sam_tracker-checkpoint download NAME` fetches the others.',
        choices=tuple(KNOWN_CHECKPOINTS),
    )
    checkpoint: str = declared(
        '',
        'Path of a checkpoint file to use instead; the file determines the network. '
        'Empty: the weights of model.',
    )
    image_size: int | None = declared(
        None,
        'Side of the square that images are resized to for the network; smaller is faster and '
        'loses detail. auto: the size that the network was trained with.',
        kind=int,
        minimum=128,
        maximum=1024,
        step=32,
        unit='px',
    )
    device: str = declared(
        AUTO,
        'Torch device: cpu, cuda, or cuda:1 and so on. auto: cuda where there is one, else cpu.',
    )
    precision: str = declared(
        AUTO,
        'Floating point type of the network. auto: bfloat16 on a GPU that supports it and on a '
        'CPU with AVX512-BF16, else float32.',
        choices=(AUTO, 'float32', 'bfloat16', 'float16'),
    )
    compile: bool = declared(
        False,
        'Compile the network with torch.compile: starting takes a minute longer. On a GPU it '
        'takes the place of cuda_graphs; which of the two is faster has not been measured.',
    )
    cuda_graphs: bool = declared(
        True,
        'Replay the calls of the network as CUDA graphs: on a GPU a frame takes about half the '
        'time, and each number of objects takes some of its memory. Not with compile.',
    )
    cpu_threads: int | None = declared(
        None,
        'Threads of the network on the CPU. auto: one for each core.',
        kind=int,
        minimum=1,
        maximum=1024,
    )
    graphs: GraphParameters = field(default_factory=GraphParameters)
