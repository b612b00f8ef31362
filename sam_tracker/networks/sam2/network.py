# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The whole network: tensors in, tensors out, and no memory of what it saw (arXiv 2408.00714).

Sizes used throughout: S the side of the square input in pixels, h = w = S / 16 the side of the
image embedding, D its channels, C_mem the channels of a memory, B images, O objects.

All objects lie on one image unless said otherwise, and are worked on as one batch. Shapes depend
on the layout alone (how many objects, memories, pointers and points), nothing waits for the
device, and everything is differentiable.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sam_tracker.networks.sam2.configuration import NetworkConfiguration
from sam_tracker.networks.sam2.feature_pyramid import FeaturePyramid
from sam_tracker.networks.sam2.hiera import Hiera
from sam_tracker.networks.sam2.layers import MultiLayerPerceptron, as_image, as_tokens
from sam_tracker.networks.sam2.mask_decoder import MaskCandidates, MaskDecoder
from sam_tracker.networks.sam2.memory_attention import MemoryAttention
from sam_tracker.networks.sam2.memory_encoder import MemoryEncoder
from sam_tracker.networks.sam2.position_encoding import (
    axial_rotation,
    sine_distance,
    sine_position,
)
from sam_tracker.networks.sam2.prompt_encoder import PromptEncoder, PromptEncoding

POINTER_HORIZON = 15
"""Frames by which the distance to a pointer is divided: sixteen pointers, less one."""


@dataclass(frozen=True)
class ImageFeatures:
    """What the image encoder knows of B images; each tensor is laid out channels-last."""

    embedding: Tensor
    """[B, D, h, w], stride 16, with no memory in it yet."""
    high_resolution: tuple[Tensor, Tensor]
    """[B, D/8, S/4, S/4] and [B, D/4, S/8, S/8], for the mask decoder."""


@dataclass(frozen=True)
class Memory:
    """
    What O objects of equal layout remember, in the order in which it is attended to.

    Attention is cheapest when ``spatial`` is a view of memory laid out [O, K, h, w, C_mem].
    """

    spatial: Tensor
    """[O, K, C_mem, h, w], memories as ``encode_memory`` made them; any float dtype."""
    slots: Tensor
    """[O, K] int64, the temporal position of each: 0 newest .. 5 oldest, 6 for conditioning."""
    pointers: Tensor
    """[O, P, D], object pointers; P may be 0."""
    pointer_distances: Tensor
    """[O, P] float, frames from the pointer's frame to the current one."""


class ImageEncoder(nn.Module):
    """The trunk, and the neck that brings its stages to one width."""

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.trunk = Hiera(configuration)
        self.neck = FeaturePyramid(self.trunk.stage_channels, configuration.embedding_dimension)


class Sam2Network(nn.Module):
    """
    SAM 2.1, named as in the published checkpoints, so that they load strictly.

    Inference wants ``eval()`` and ``torch.inference_mode()``; both are the caller's.
    """

    sine_position: Tensor
    memory_position: Tensor
    rotation: Tensor

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        dimension = configuration.embedding_dimension
        channels = configuration.memory_channels
        side = configuration.embedding_size

        self.image_encoder = ImageEncoder(configuration)
        self.memory_attention = MemoryAttention(configuration)
        self.memory_encoder = MemoryEncoder(configuration)
        self.sam_prompt_encoder = PromptEncoder(configuration)
        self.sam_mask_decoder = MaskDecoder(configuration)
        self.obj_ptr_proj = MultiLayerPerceptron(dimension, dimension, dimension, depth=3)
        self.obj_ptr_tpos_proj = nn.Linear(dimension, channels)
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)

        self.maskmem_tpos_enc = nn.Parameter(
            torch.empty(configuration.memory_slots, 1, 1, channels)
        )
        self.no_mem_embed = nn.Parameter(torch.empty(1, 1, dimension))
        # Every checkpoint holds it, but only networks of other settings read it.
        self.no_mem_pos_enc = nn.Parameter(torch.empty(1, 1, dimension))
        self.no_obj_ptr = nn.Parameter(torch.empty(1, dimension))
        self.no_obj_embed_spatial = nn.Parameter(torch.empty(1, channels))
        for parameter in (
            self.maskmem_tpos_enc,
            self.no_mem_embed,
            self.no_mem_pos_enc,
            self.no_obj_ptr,
            self.no_obj_embed_spatial,
        ):
            nn.init.trunc_normal_(parameter, std=0.02)

        self.register_buffer('sine_position', sine_position(side, dimension), persistent=False)
        self.register_buffer('memory_position', sine_position(side, channels), persistent=False)
        self.register_buffer('rotation', axial_rotation(side, dimension), persistent=False)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """
        Encode images [B, 3, S, S], normalised as ``preprocessing`` does.

        Raises ``ValueError`` for images of another size than the configuration's.
        """
        side = self.configuration.image_size
        if images.ndim != 4 or images.shape[1:] != (3, side, side):
            raise ValueError(f'images must be [B, 3, {side}, {side}], not {list(images.shape)}')
        stages = self.image_encoder.trunk(images)
        neck, decoder = self.image_encoder.neck, self.sam_mask_decoder
        # The decoder's first step on the fine levels is the same for every object and prompt.
        return ImageFeatures(
            embedding=neck(stages[2], stages[3]),
            high_resolution=(
                neck.lateral(stages[0], level=0, then=decoder.conv_s0),
                neck.lateral(stages[1], level=1, then=decoder.conv_s1),
            ),
        )

    def attend_to_memory(self, embedding: Tensor, memory: Memory | None) -> Tensor:
        """
        Put what the objects remember into the image embedding.

        :param embedding: [1 or O, D, h, w], the ``ImageFeatures``' own.
        :param memory: what the objects remember, or None on a frame that has no past: then a
            learned embedding takes its place.
        :returns: [O, D, h, w]; without memory the batch of ``embedding``.
        """
        if memory is None:
            return embedding + self.no_mem_embed.view(1, -1, 1, 1)
        tokens, positions = self._memory_tokens(memory)
        attended = self.memory_attention(
            as_tokens(embedding) + 0.1 * self.sine_position,
            tokens,
            positions,
            rotation=self.rotation,
            memory_rotation=self.rotation,
            memories=memory.spatial.shape[1],
        )
        return as_image(attended, self.configuration.embedding_size)

    def encode_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> PromptEncoding:
        """
        Encode the prompts of O objects.

        :param points: [O, N, 2] float, x and y in pixels of the network's input, 0 to S; pixel
            centres lie at whole numbers. N is 0 for a frame that is only tracked.
        :param labels: [O, N] integers: 0 not the object, 1 the object, 2 and 3 the top left and
            bottom right corner of a box, -1 no point, to fill up rows of unequal length.
        :param mask_logits: [O, 1, S/4, S/4], a mask to start from: the previous one, or one that
            ``encode_mask_prompt`` made.
        """
        return self.sam_prompt_encoder(points, labels, mask_logits)

    def encode_mask_prompt(self, mask: Tensor) -> Tensor:
        """Bring a given mask [O, 1, S, S] of 0 and 1 to the logits [O, 1, S/4, S/4] of prompts."""
        return self.mask_downsample(mask)

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
        :param conditioned: [1 or O, D, h, w] from ``attend_to_memory``.
        :param several: three candidates, for a frame that is tracked or has one click; else the
            single mask that answers a box or several clicks.
        """
        return self.sam_mask_decoder(
            conditioned,
            features.high_resolution,
            prompts,
            self.sam_prompt_encoder.grid_position(),
            several,
        )

    def object_pointer(self, token: Tensor, present: Tensor) -> Tensor:
        """
        Make object pointers [O, D] from mask tokens [O, D].

        :param present: [O] bool, or the same as 0 and 1; an absent object gets a learned pointer.
        """
        present = present.to(token.dtype)[:, None]
        return present * self.obj_ptr_proj(token) + (1 - present) * self.no_obj_ptr

    def pointer_of_mask(self, features: ImageFeatures, mask: Tensor) -> Tensor:
        """
        Make the object pointers [O, D] of objects whose masks [O, 1, S, S] of 0 and 1 are given.

        The decoder sees the image without memory, not even the embedding that stands for none.
        The object is absent where its mask is empty, and where the decoder finds it absent.
        """
        nowhere = mask.new_zeros(len(mask), 0, 2)
        candidates = self.decode(
            features,
            features.embedding,
            self.encode_prompts(nowhere, nowhere[..., 0], self.encode_mask_prompt(mask)),
            several=False,
        )
        present = (candidates.object_logit > 0) & mask.flatten(1).any(1)
        return self.object_pointer(candidates.tokens[:, 0], present)

    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """
        Encode what a frame showed of O objects, to be remembered.

        :param embedding: [1 or O, D, h, w], the ``ImageFeatures``' own, without memory in it.
        :param mask: [O, 1, S, S] as ``masks.memory_mask`` makes it.
        :param object_logit: [O]; where it is not above 0 the memory is marked as one of absence.
        :returns: [O, C_mem, h, w], laid out channels-last.
        """
        memory = self.memory_encoder(embedding, mask)
        absent = (object_logit <= 0).to(memory.dtype)[:, None, None, None]
        return memory + absent * self.no_obj_embed_spatial[..., None, None]

    def _memory_tokens(self, memory: Memory) -> tuple[Tensor, Tensor]:
        """Lay memories and pointers out as one row of tokens and positions, [O, M, C_mem]."""
        pieces = self.configuration.tokens_per_pointer
        channels = self.configuration.memory_channels

        spatial = memory.spatial.flatten(3).transpose(2, 3).flatten(1, 2)
        recency = self.maskmem_tpos_enc.flatten(1)[memory.slots]
        spatial_position = (recency[:, :, None] + self.memory_position).flatten(1, 2)

        distance = memory.pointer_distances / POINTER_HORIZON
        encoded = sine_distance(distance, self.configuration.embedding_dimension)
        pointer_position = self.obj_ptr_tpos_proj(encoded).repeat_interleave(pieces, dim=1)
        pointers = memory.pointers.reshape(len(memory.slots), -1, channels)
        return (
            torch.cat((spatial, pointers), dim=1),
            torch.cat((spatial_position, pointer_position), dim=1),
        )
