# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Interfaces of the networks that segmentation and tracking use.

Sizes used throughout: S the side of the network's square input in pixels, s = S / 4 the side of
mask logits, h = w the side of the image embedding and D its channels, B images, O objects, C
candidate masks. A memory has N tokens of C_mem channels.

All objects lie on one image unless said otherwise and are computed as one batch. Shapes depend on
the layout alone (how many objects, memories, pointers and points); nothing waits for the device.
The caller sets evaluation mode and ``torch.inference_mode()``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
import math
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from sam_tracker.core.coordinates import ImageScale

PromptEncoding: TypeAlias = Any
"""Encoded prompts of O objects; read only by the network that made them."""


@dataclass(frozen=True)
class ImageFeatures:
    """What the image encoder returns for B images."""

    embedding: Tensor
    """[B, D, h, w], not conditioned on memory."""
    high_resolution: tuple[Tensor, ...]
    """Finer levels for the mask decoder, if it reads any; each [B, ...]."""


@dataclass(frozen=True)
class MaskCandidates:
    """Candidate masks of O objects; C is 3 when several were asked for, else 1."""

    mask_logits: Tensor
    """[O, C, s, s]; the object is where it is above 0."""
    predicted_iou: Tensor
    """[O, C], the IoU with the true mask that the network predicts, about 0 to 1."""
    tokens: Tensor
    """[O, C, D], input of ``object_pointer``."""
    object_logit: Tensor
    """
    [O]; above 0 the object is in the image.

    A constant above 0 from networks that do not predict presence.
    """


@dataclass(frozen=True)
class MemoryLayout:
    """Shapes of what a network remembers, and how much of it the network reads on a frame."""

    tokens: int
    """N: tokens of one memory; a square map of h * w cells, or any other row."""
    channels: int
    """C_mem: channels of a memory token."""
    pointer_channels: int
    """Channels of an object pointer."""
    recent_memories: int = 6
    """
    Memories read besides those of conditioning frames.

    They have temporal positions 0 (newest) to ``recent_memories - 1``; conditioning frames have
    position ``recent_memories``.
    """
    recent_pointers: int = 15
    """Frames back to which object pointers are read, besides those of conditioning frames."""

    @property
    def conditioning_position(self) -> int:
        """Temporal position of every conditioning memory."""
        return self.recent_memories


@dataclass(frozen=True)
class Memory:
    """Memories of O objects of equal layout, in the order in which they are attended to."""

    tokens: Tensor
    """[O, K, N, C_mem], K memories from ``encode_memory``; any float dtype."""
    positions: Tensor
    """[O, K] int64, the temporal position of each (``MemoryLayout.recent_memories``)."""
    pointers: Tensor
    """[O, P, pointer_channels], object pointers; P may be 0."""
    pointer_distances: Tensor
    """[O, P] float, frames from the pointer's frame to the current one."""
    with_empty: bool = False
    """
    Whether there may be empty places: memories of position -1, pointers of distance -1.

    A network reads nothing of what they hold, which is finite.
    """

    def padded(self, memories: int, pointers: int) -> Memory:
        """Return the same with empty places, K and P in all; not less than there are."""
        return Memory(
            _filled_up(self.tokens, memories, 0),
            _filled_up(self.positions, memories, -1),
            _filled_up(self.pointers, pointers, 0),
            _filled_up(self.pointer_distances, pointers, -1),
            with_empty=True,
        )


def _filled_up(values: Tensor, places: int, value: int) -> Tensor:
    """Lengthen the second dimension to so many places."""
    missing = places - values.shape[1]
    empty = values.new_full((len(values), missing, *values.shape[2:]), value)
    return torch.cat((values, empty), dim=1)


@dataclass(frozen=True)
class SuitedSettings:
    """Settings of tracking and segmentation that depend on the network's weights."""

    motion_weight: float = 0.25
    """Weight of the motion score in SAMURAI's choice of a mask, 0 to 1."""
    presence_logit: float = -1.0
    """Object logit above which a tracked object counts as present."""
    familiarity: float | None = None
    """
    Cosine of the mean embeddings of two masks, below which they do not show the same object; None:
    not known for these weights.
    """
    certain_familiarity: float | None = None
    """Cosine above which they certainly show the same object; None: not known."""
    memory_growth: float = math.inf
    """Multiple of an object's usual size above which its mask has spread to something else."""
    points_per_side: int = 32
    """Grid points to each side of an image whose objects are all to be segmented."""
    predicted_iou: float = 0.8
    """Predicted IoU from which a mask of that search is kept."""
    stability_score: float = 0.95
    """Stability score from which a mask of that search is kept."""


class PromptableNetwork(Protocol):
    """A network that answers prompts on one image with masks."""

    @property
    def name(self) -> str:
        """Name of the architecture and size, as users ask for it."""

    @property
    def image_size(self) -> int:
        """S."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    @property
    def suited_settings(self) -> SuitedSettings:
        """Settings that suit these weights."""

    def optimise(self, device: torch.device, weights: torch.dtype, compiled: bool) -> None:
        """
        Choose kernels for inference on a device, and compute once what never changes.

        Results change by rounding only. The weights are already there, float32 and in evaluation
        mode. Training is no longer possible.

        :param weights: type in which to keep the weights of matrix products.
        :param compiled: whether to use ``torch.compile``.
        """

    def scale(self, width: int, height: int) -> ImageScale:
        """Return how the pixels of an image of this size map to those of the network's input."""

    def preprocess(self, images: Tensor) -> Tensor:
        """
        Resize and normalise images on the device they are on, according to ``scale``.

        :param images: uint8 [B, H, W, 3], red, green, blue.
        :returns: float32 [B, 3, S, S].
        :raises ValueError: another shape or dtype, or no pixels.
        """

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """
        Encode preprocessed images [B, 3, S, S].

        :raises ValueError: images of another size.
        """

    def without_memory(self, embedding: Tensor) -> Tensor:
        """
        Condition an embedding on there being no memory, as for a single image.

        :param embedding: [B, D, h, w] of ``ImageFeatures``.
        :returns: [B, D, h, w], input of ``decode``.
        """

    def encode_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> PromptEncoding:
        """
        Encode the prompts of O objects.

        :param points: [O, N, 2] float, x and y in pixels of the network's input, 0 to S; pixel
            centres lie at whole numbers. N is 0 for a frame that is only tracked.
        :param labels: [O, N] integers: 0 background, 1 object, 2 and 3 the top left and bottom
            right corner of a box, -1 padding of rows of unequal length.
        :param mask_logits: [O, 1, s, s], a mask to start from: a previous one, or one from
            ``encode_mask_prompt``.
        """

    def encode_mask_prompt(self, mask: Tensor) -> Tensor:
        """Turn given masks [O, 1, S, S] of 0 and 1 into logits [O, 1, s, s] for prompts."""

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        prompts: PromptEncoding,
        several: bool,
    ) -> MaskCandidates:
        """
        Decode candidate masks for O objects.

        :param features: of one image, B = 1; or of O images, one for each object.
        :param conditioned: [1 or O, D, h, w], the embedding conditioned on memory or on none.
        :param several: three candidates, for a frame that is tracked or has one click; else the
            single mask for a box or several clicks.
        """


@runtime_checkable
class VideoNetwork(PromptableNetwork, Protocol):
    """A network that also tracks: it conditions an image on memories of earlier ones."""

    @property
    def memory_layout(self) -> MemoryLayout:
        """Shapes of its memories and pointers."""

    def attend_to_memory(self, embedding: Tensor, memory: Memory) -> Tensor:
        """
        Condition an image on what the objects remember.

        :param embedding: [1 or O, D, h, w] of ``ImageFeatures``.
        :returns: [O, D, h, w], input of ``decode``.
        """

    def object_pointer(self, token: Tensor, present: Tensor) -> Tensor:
        """
        Make object pointers [O, pointer_channels] from mask tokens [O, D].

        :param present: [O] bool, or the same as 0 and 1; whether the object is in the image.
        """

    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """
        Encode the memory of a frame for O objects.

        :param embedding: [1 or O, D, h, w] of ``ImageFeatures``, without memory in it.
        :param mask: [O, 1, S, S] from ``masks.memory_mask``.
        :param object_logit: [O]; where it is not above 0 the object is absent.
        :returns: [O, N, C_mem].
        """


@dataclass(frozen=True)
class NetworkFamily:
    """One architecture in all its sizes, as ``registry`` lists it."""

    title: str
    """Name of the architecture for people."""
    names: tuple[str, ...]
    """Names of its sizes, unique among all families."""
    recognise: Callable[[Mapping[str, Tensor]], str | None]
    """Which of its sizes a state dict is of; None: another architecture."""
    build: Callable[[str, int | None], PromptableNetwork]
    """
    Build the network of that name, an ``nn.Module``, with a side S of its input; None: its own.

    :raises ValueError: the side is impossible.
    """
    hint: Callable[[Collection[str]], str] = lambda missing: ''  # noqa: ARG005
    """Guess at what a file without these keys is, for an error message; or ''."""
