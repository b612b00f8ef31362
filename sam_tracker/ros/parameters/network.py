# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node that has a network."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import declared


@dataclass(frozen=True)
class NetworkParameters:
    """Which network it is, and how it is computed."""

    model: str = declared(
        'nano',
        'Network whose weights are looked for by name. nano comes with the package; '
        '`sam_tracker-checkpoint download NAME` fetches the others.',
        choices=('nano', 'tiny', 'small', 'base_plus', 'large'),
    )
    checkpoint: str = declared(
        '',
        'Path of a checkpoint file to use instead; it tells which network it is for. '
        'Empty: the weights of model.',
    )
    image_size: int = declared(
        0,
        'Side of the square that images are brought to for the network: a multiple of 32 from 128 '
        'to 1024; smaller is faster and sees less. 0: what the network was trained with.',
        minimum=0,
        maximum=1024,
        unit='px',
    )
    device: str = declared(
        'auto',
        'What computes: cpu, cuda, or cuda:1 and so on. auto: cuda where there is one.',
    )
    precision: str = declared(
        'auto',
        'Arithmetic of the network. auto: bfloat16 on a GPU that computes in it, else float32.',
        choices=('auto', 'float32', 'bfloat16', 'float16'),
    )
    compile: bool = declared(
        False,
        'Compile the network with torch.compile: it starts a minute later and is faster on a GPU.',
    )
    cpu_threads: int = declared(
        0,
        'Threads of the network on the CPU. 0: as many as there are cores.',
        minimum=0,
        maximum=1024,
    )
