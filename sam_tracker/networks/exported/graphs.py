# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The calls of a network as graphs of static shapes, and inputs with which to check them.

Each graph takes one image and one object. Sizes as in ``networks.api``; K and P are the places
for memories and for object pointers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sam_tracker.networks.api import ImageFeatures, Memory
from sam_tracker.networks.exported.memory_reading import MemoryReading
from sam_tracker.networks.sam2.network import Sam2MemoryNetwork

DECODERS = {0: 'decode', 1: 'decode_click', 2: 'decode_box'}
"""Names of the decoder's graphs by the number of points; frames that are tracked have none."""
FILLED = 3
"""Places of each kind that are filled in the example of a new object."""


@dataclass(frozen=True)
class Example:
    """Inputs of a graph, and what the network itself computes from them."""

    inputs: Mapping[str, Tensor]
    expected: tuple[Tensor, ...]


@dataclass(frozen=True)
class Graph:
    """One call of a network."""

    name: str
    module: nn.Module
    """Takes the inputs of an example in their order, and returns a tuple of tensors."""
    outputs: tuple[str, ...]
    examples: tuple[Example, ...]
    """At least one; all of the same shapes, which become those of the graph."""


class Call(nn.Module):
    """One call of a network as a module, which is what torch exports."""

    def __init__(
        self, network: Sam2MemoryNetwork, call: Callable[..., tuple[Tensor, ...]]
    ) -> None:
        super().__init__()
        # The weights that the call reads are found in the module.
        self.network = network
        self._call = call

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Make the call."""
        return self._call(*inputs)


def graphs_of(network: Sam2MemoryNetwork, conditioning: int) -> list[Graph]:
    """
    Return the calls of a network, with examples on random inputs.

    :param network: on the CPU, in float32, after ``optimise``.
    :param conditioning: conditioning frames that the graph of memory attention has places for.
    """
    generator = torch.Generator().manual_seed(0)
    side, layout = network.image_size, network.memory_layout

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def encode(image: Tensor) -> tuple[Tensor, ...]:
        features = network.encode_image(image)
        return features.embedding, *features.high_resolution

    def decode(
        conditioned: Tensor, fine: Tensor, middle: Tensor, *prompt: Tensor
    ) -> tuple[Tensor, ...]:
        points, labels = prompt or (conditioned.new_zeros(1, 0, 2), _labels(0))
        decoded = network.decode(
            ImageFeatures(conditioned, (fine, middle)),
            conditioned,
            network.encode_prompts(points, labels),
            several=labels.shape[1] <= 1,
        )
        return decoded.mask_logits, decoded.predicted_iou, decoded.tokens, decoded.object_logit

    def graph(
        name: str,
        call: Callable[..., tuple[Tensor, ...]],
        outputs: tuple[str, ...],
        *examples: dict[str, Tensor],
    ) -> Graph:
        answered = tuple(Example(inputs, call(*inputs.values())) for inputs in examples)
        return Graph(name, Call(network, call), outputs, answered)

    with torch.inference_mode():
        image = noise(1, 3, side, side)
        embedding, fine, middle = encode(image)
        features = {'conditioned': noise(*embedding.shape), 'fine': fine, 'middle': middle}
        remembered = {'embedding': embedding, 'mask': noise(1, 1, side, side)}
        token = noise(1, layout.pointer_channels)
        prompts: list[dict[str, Tensor]] = [{}] + [
            {
                'points': torch.rand((1, count, 2), generator=generator) * side,
                'labels': _labels(count),
            }
            for count in (1, 2)
        ]
        return [
            graph('encode_image', encode, ('embedding', 'fine', 'middle'), {'image': image}),
            graph(
                'without_memory',
                lambda embedding: (network.without_memory(embedding),),
                ('conditioned',),
                {'embedding': embedding},
            ),
            _memory_reading(network, embedding, conditioning, noise),
            *(
                graph(
                    DECODERS[count],
                    decode,
                    ('mask_logits', 'predicted_iou', 'tokens', 'object_logit'),
                    {**features, **prompt},
                )
                for count, prompt in enumerate(prompts)
            ),
            graph(
                'encode_memory',
                lambda *inputs: (network.encode_memory(*inputs),),
                ('memory',),
                *({**remembered, 'object_logit': torch.tensor([logit])} for logit in (2.0, -2.0)),
            ),
            graph(
                'object_pointer',
                lambda *inputs: (network.object_pointer(*inputs),),
                ('pointer',),
                *({'token': token, 'present': torch.tensor([present])} for present in (1.0, 0.0)),
            ),
        ]


def _labels(count: int) -> Tensor:
    """Return the labels [1, count] of no point, a click, or the corners of a box."""
    return torch.tensor([[], [1], [2, 3]][count], dtype=torch.int64)[None]


def _memory_reading(
    network: Sam2MemoryNetwork,
    embedding: Tensor,
    conditioning: int,
    noise: Callable[..., Tensor],
) -> Graph:
    """Return memory attention, with the examples of an old and a young object."""
    layout = network.memory_layout
    places = layout.recent_memories + conditioning
    pointers = layout.recent_pointers + conditioning
    memory = Memory(
        noise(1, places, layout.tokens, layout.channels),
        torch.arange(places).clamp(max=layout.conditioning_position).flip(0)[None],
        noise(1, pointers, layout.pointer_channels),
        torch.arange(1.0, 1.0 + pointers)[None],
    )
    examples = []
    for filled in (max(places, pointers), FILLED):
        young = Memory(
            memory.tokens[:, :filled],
            memory.positions[:, :filled],
            memory.pointers[:, :filled],
            memory.pointer_distances[:, :filled],
        )
        filled_up = young.padded(places, pointers)
        inputs = {
            'embedding': embedding,
            'memories': filled_up.tokens,
            'positions': filled_up.positions,
            'pointers': filled_up.pointers,
            'distances': filled_up.pointer_distances,
        }
        examples.append(Example(inputs, (network.attend_to_memory(embedding, young),)))
    return Graph('attend_to_memory', MemoryReading(network), ('conditioned',), tuple(examples))
