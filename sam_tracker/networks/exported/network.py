# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A network whose calls run as exported graphs in another runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor

from sam_tracker.networks.api import (
    ImageFeatures,
    MaskCandidates,
    Memory,
    PromptableNetwork,
    VideoNetwork,
)
from sam_tracker.networks.exported.graphs import DECODERS
from sam_tracker.networks.exported.manifest import GraphError, Manifest
from sam_tracker.networks.sam2.prompt_encoder import PromptEncoding

Network = TypeVar('Network', bound=PromptableNetwork)


class Session(Protocol):
    """A graph that a runtime has loaded."""

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run the graph; the inputs in its order, converted to its types."""


@dataclass(frozen=True)
class _NoPrompt:
    """What ``encode_prompts`` returns for O objects that are only tracked."""

    points: Tensor
    """[O, 0, 2]."""
    labels: Tensor
    """[O, 0]."""


def open_graphs(
    network: Network, weights: str, folder: Path, open_session: Callable[[Path], Session]
) -> Network:
    """
    Return a network whose exported calls run in another runtime, and all others in torch.

    The graphs encode images and memories, condition on up to K memories and P pointers, and decode
    frames that are tracked. Prompts, which are rare, and longer memories are torch's.

    :param network: with the weights that were exported, on its device.
    :param weights: SHA-256 of the checkpoint that it was loaded from.
    :param folder: written by ``export.export``.
    :param open_session: loads the graph of a file.
    :raises GraphError: the graphs are missing, unusable here, or of another network.
    """
    manifest = Manifest.read(folder)
    for what, exported, loaded in (
        ('network', manifest.network, network.name),
        ('image size', manifest.image_size, network.image_size),
        ('checkpoint', manifest.weights, weights),
    ):
        if exported != loaded:
            raise GraphError(f'{folder}: exported from {what} {exported}, not {loaded}')
    # Whatever has the name of a network that was exported can track.
    wrapped = GraphNetwork(cast(VideoNetwork, network), folder, manifest, open_session)
    return cast(Network, wrapped)


class GraphNetwork:
    """The network itself but for the calls that were exported; results differ by rounding."""

    def __init__(
        self,
        network: VideoNetwork,
        folder: Path,
        manifest: Manifest,
        open_session: Callable[[Path], Session],
    ) -> None:
        self._network = network
        self._manifest = manifest
        self._encode, self._attend, self._decode, self._remember = (
            open_session(folder / f'{name}.onnx')
            for name in ('encode_image', 'attend_to_memory', DECODERS[0], 'encode_memory')
        )

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the network has
        return getattr(self._network, name)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """Encode preprocessed images [B, 3, S, S], one after the other."""
        embedding, *levels = _joined([self._encode(image) for image in images.split(1)])
        return ImageFeatures(embedding, tuple(levels))

    def attend_to_memory(self, embedding: Tensor, memory: Memory) -> Tensor:
        """Condition an image on what O objects remember, one after the other."""
        places, pointers = self._manifest.memories, self._manifest.pointers
        if memory.tokens.shape[1] > places or memory.pointers.shape[1] > pointers:
            return self._network.attend_to_memory(embedding, memory)
        filled_up = memory.padded(places, pointers)
        inputs = (
            filled_up.tokens,
            filled_up.positions,
            filled_up.pointers,
            filled_up.pointer_distances,
        )
        (conditioned,) = _joined(
            [
                self._attend(_of_object(embedding, row), *(each[row, None] for each in inputs))
                for row in range(len(memory.tokens))
            ]
        )
        return conditioned

    def encode_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> PromptEncoding | _NoPrompt:
        """Encode the prompts of O objects, unless there are none: a graph holds that encoding."""
        if mask_logits is None and not points.shape[1]:
            return _NoPrompt(points, labels)
        return self._network.encode_prompts(points, labels, mask_logits)

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        prompts: PromptEncoding | _NoPrompt,
        several: bool,
    ) -> MaskCandidates:
        """Decode candidates of O objects: those without a prompt one after the other."""
        if not isinstance(prompts, _NoPrompt):
            return self._network.decode(features, conditioned, prompts, several)
        if not several:
            encoding = self._network.encode_prompts(prompts.points, prompts.labels)
            return self._network.decode(features, conditioned, encoding, several)
        inputs = conditioned, *features.high_resolution
        decoded = [
            self._decode(*(_of_object(each, row) for each in inputs))
            for row in range(len(prompts.labels))
        ]
        return MaskCandidates(*_joined(decoded))

    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """Encode the memory of a frame for O objects, one after the other."""
        (memory,) = _joined(
            [
                self._remember(
                    _of_object(embedding, row), mask[row, None], object_logit[row, None]
                )
                for row in range(len(mask))
            ]
        )
        return memory


def _of_object(features: Tensor, row: int) -> Tensor:
    """Return what one of O objects reads of features of one image, or of O images."""
    return features if len(features) == 1 else features[row, None]


def _joined(parts: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    if len(parts) == 1:
        return parts[0]
    return tuple(torch.cat(each) for each in zip(*parts, strict=True))
