# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The parts that SAM 2.1 and its variants share: all but the trunk and the kind of memory.

Sizes as in ``networks.api``; h = w = S / 16. Everything is differentiable.
"""

from abc import abstractmethod

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import (
    ImageFeatures,
    MaskCandidates,
    Memory,
    MemoryLayout,
    SuitedSettings,
)
from sam_tracker.networks.precision import entering, narrow_weights
from sam_tracker.networks.preprocessing import network_input
from sam_tracker.networks.sam2.configuration import VideoConfiguration
from sam_tracker.networks.sam2.feature_pyramid import FeaturePyramid
from sam_tracker.networks.sam2.layers import MultiLayerPerceptron, as_image, as_tokens
from sam_tracker.networks.sam2.mask_decoder import MaskDecoder
from sam_tracker.networks.sam2.memory_attention import MemoryAttention
from sam_tracker.networks.sam2.memory_encoder import MemoryEncoder
from sam_tracker.networks.sam2.position_encoding import axial_rotation, sine_position
from sam_tracker.networks.sam2.prompt_encoder import PromptEncoder, PromptEncoding

_NARROW_DECODER = 128
"""
Embedding dimension from which the decoder's weights are narrow.

Half of its products have eight rows; each costs oneDNN more in a narrow type than it saves.
"""


class ImageEncoder(nn.Module):
    """The trunk, and the neck that projects its stages to one width."""

    def __init__(self, trunk: nn.Module, stage_channels: list[int], dimension: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.neck = FeaturePyramid(stage_channels, dimension)


class SamVideoNetwork(nn.Module):
    """
    A ``VideoNetwork`` whose parameters have the names of the published checkpoints.

    A variant brings its trunk, the layout of a memory, ``encode_memory`` and
    ``pointer_positions``.
    """

    sine_position: Tensor
    rotation: Tensor
    memory_position: Tensor
    memory_rotation: Tensor

    def __init__(
        self,
        configuration: VideoConfiguration,
        trunk: nn.Module,
        stage_channels: list[int],
        memory_position: Tensor,
        memory_rotation: Tensor,
    ) -> None:
        """
        Build what variants share.

        :param trunk: maps images [B, 3, S, S] to four stages [B, S/4, S/4, c] to [B, S/32, S/32,
            c'], :param stage_channels: the channels of each.
        :param memory_position: [N, C_mem], where the tokens of a memory lie.
        :param memory_rotation: [N, D / 2, 2], by which attention rotates them.
        """
        super().__init__()
        self.configuration = configuration
        dimension = configuration.embedding_dimension
        channels = configuration.memory_channels
        side = configuration.embedding_size

        self.image_encoder = ImageEncoder(trunk, stage_channels, dimension)
        self.memory_attention = MemoryAttention(configuration)
        self.memory_encoder = MemoryEncoder(configuration)
        self.sam_prompt_encoder = PromptEncoder(configuration)
        self.sam_mask_decoder = MaskDecoder(configuration)
        self.obj_ptr_proj = MultiLayerPerceptron(dimension, dimension, dimension, depth=3)
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)

        self.maskmem_tpos_enc = learned(configuration.memory_slots, 1, 1, channels)
        self.no_mem_embed = learned(1, 1, dimension)
        # In every checkpoint; read only by networks with settings that none of these has.
        self.no_mem_pos_enc = learned(1, 1, dimension)
        self.no_obj_ptr = learned(1, dimension)

        # Set by ``optimise``.
        self._fine_laterals: list[tuple[Tensor, Tensor]] = []

        self.register_buffer('sine_position', sine_position(side, dimension), persistent=False)
        self.register_buffer('rotation', axial_rotation(side, dimension), persistent=False)
        self.register_buffer('memory_position', memory_position, persistent=False)
        self.register_buffer('memory_rotation', memory_rotation, persistent=False)

    @property
    def name(self) -> str:
        """Name of the configuration."""
        return self.configuration.name

    @property
    def image_size(self) -> int:
        """S, the side of the input in pixels."""
        return self.configuration.image_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.no_mem_embed.device

    @property
    def suited_settings(self) -> SuitedSettings:
        """Settings that suit the weights of this size."""
        return self.configuration.suited_settings

    @property
    def memory_layout(self) -> MemoryLayout:
        """Shapes of memories and pointers."""
        configuration = self.configuration
        return MemoryLayout(
            tokens=len(self.memory_position),
            channels=configuration.memory_channels,
            pointer_channels=configuration.embedding_dimension,
            recent_memories=configuration.memory_slots - 1,
        )

    def optimise(self, device: torch.device, weights: torch.dtype, compiled: bool) -> None:
        """
        Choose kernels for inference on a device, and compute once what never changes.

        Results change by rounding only.

        :param weights: type in which to keep the weights of matrix products.
        :param compiled: whether to use ``torch.compile`` for the four parts that take the time.
        """
        self.memory_attention.project_values_last(device.type == 'cpu', weights)
        self.memory_encoder.fuser.fold_scales()
        self.sam_prompt_encoder.fix_grid_position()
        self._fine_laterals = [
            (weight.to(weights), bias.to(weights)) for weight, bias in self._laterals()
        ]
        self.sine_position = self.sine_position.to(weights)
        narrow_weights(self.image_encoder, weights)
        narrow_weights(self.memory_attention, weights)
        narrow_weights(self.memory_encoder, weights)
        if self.configuration.embedding_dimension >= _NARROW_DECODER:
            narrow_weights(self.sam_mask_decoder, weights)
        if compiled:
            for part in (
                self.image_encoder.trunk,
                self.memory_attention,
                self.memory_encoder,
                self.sam_mask_decoder,
            ):
                part.compile()

    def scale(self, width: int, height: int) -> ImageScale:
        """Return the mapping of an image to the input: both sides are stretched to S."""
        return ImageScale(width, height, self.image_size)

    def preprocess(self, images: Tensor) -> Tensor:
        """Resize and normalise images as ``preprocessing.network_input`` does."""
        return network_input(images, self.image_size)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """
        Encode preprocessed images [B, 3, S, S].

        :returns: features laid out channels-last; the high-resolution levels are [B, D/8, S/4,
            S/4] and [B, D/4, S/8, S/8].
        :raises ValueError: images of another size than the configuration's.
        """
        side = self.image_size
        if images.ndim != 4 or images.shape[1:] != (3, side, side):
            raise ValueError(f'images must be [B, 3, {side}, {side}], not {list(images.shape)}')
        neck = self.image_encoder.neck
        stages = self.image_encoder.trunk(entering(images, self.memory_encoder.out_proj.weight))
        laterals = self._fine_laterals or self._laterals()
        return ImageFeatures(
            embedding=neck(stages[2], stages[3]),
            high_resolution=tuple(
                F.linear(stage, weight, bias).permute(0, 3, 1, 2)
                for stage, (weight, bias) in zip(stages, laterals, strict=False)
            ),
        )

    def without_memory(self, embedding: Tensor) -> Tensor:
        """Add the learned embedding of no memory to [B, D, h, w]; the same shape."""
        return embedding + self.no_mem_embed.view(1, -1, 1, 1).to(embedding.dtype)

    def attend_to_memory(self, embedding: Tensor, memory: Memory) -> Tensor:
        """
        Condition the image embedding on what the objects remember.

        :param embedding: [1 or O, D, h, w] of ``ImageFeatures``.
        :returns: [O, D, h, w].
        """
        tokens, positions = self.memory_tokens(memory)
        image = entering(embedding, self.memory_encoder.out_proj.weight)
        attended = self.memory_attention(
            as_tokens(image) + 0.1 * self.sine_position,
            tokens,
            positions,
            rotation=self.rotation,
            memory_rotation=self.memory_rotation,
            memories=memory.tokens.shape[1],
            empty=self.empty_tokens(memory) if memory.with_empty else None,
        )
        return as_image(attended, self.configuration.embedding_size)

    def encode_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> PromptEncoding:
        """
        Encode the prompts of O objects.

        :param points: [O, N, 2] float, x and y in pixels of the network's input, 0 to S; pixel
            centres lie at whole numbers. N is 0 for a frame that is only tracked.
        :param labels: [O, N] integers: 0 background, 1 object, 2 and 3 the top left and bottom
            right corner of a box, -1 padding of rows of unequal length.
        :param mask_logits: [O, 1, S/4, S/4], a mask to start from: a previous one, or one from
            ``encode_mask_prompt``.
        """
        return self.sam_prompt_encoder(points, labels, mask_logits)

    def encode_mask_prompt(self, mask: Tensor) -> Tensor:
        """Turn given masks [O, 1, S, S] of 0 and 1 into logits [O, 1, S/4, S/4] for prompts."""
        return self.mask_downsample(entering(mask, self.mask_downsample.weight))

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
        :param conditioned: [1 or O, D, h, w] from ``attend_to_memory`` or ``without_memory``.
        :param several: three candidates, for a frame that is tracked or has one click; else the
            single mask for a box or several clicks.
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

        :param present: [O] bool, or the same as 0 and 1; the pointer of an absent object is
            learned.
        """
        token = entering(token, self.no_obj_ptr)
        present = present.to(token.dtype)[:, None]
        return present * self.obj_ptr_proj(token) + (1 - present) * self.no_obj_ptr

    @abstractmethod
    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """
        Encode the memory of a frame for O objects.

        :param embedding: [1 or O, D, h, w] of ``ImageFeatures``, without memory in it.
        :param mask: [O, 1, S, S] from ``masks.memory_mask``.
        :param object_logit: [O]; where it is not above 0 the object is absent.
        :returns: [O, N, C_mem].
        """

    @abstractmethod
    def pointer_positions(self, distances: Tensor) -> Tensor:
        """
        Encode how long ago object pointers were made.

        :param distances: [O, P], frames from the pointer's frame to the current one.
        :returns: [O, P, C_mem].
        """

    def memory_tokens(self, memory: Memory) -> tuple[Tensor, Tensor]:
        """Concatenate memories and pointers to tokens and their positions, [O, M, C_mem]."""
        pieces = self.configuration.tokens_per_pointer
        positions, distances = memory.positions, memory.pointer_distances
        if memory.with_empty:
            positions, distances = positions.clamp(min=0), distances.clamp(min=0)
        recency = self.maskmem_tpos_enc.flatten(1)[positions]
        position = (recency[:, :, None] + self.memory_position).flatten(1, 2)
        pointer_position = self.pointer_positions(distances)
        pointers = memory.pointers.reshape(
            len(memory.positions), -1, self.configuration.memory_channels
        )
        weight = self.memory_encoder.out_proj.weight
        parts = memory.tokens.flatten(1, 2), pointers
        tokens = torch.cat([entering(part, weight) for part in parts], dim=1)
        positions = torch.cat((position, pointer_position.repeat_interleave(pieces, dim=1)), dim=1)
        return tokens, entering(positions, weight)

    def empty_tokens(self, memory: Memory) -> Tensor:
        """Return which of the tokens of ``memory_tokens`` are those of empty places, [O, M]."""
        pieces = self.configuration.tokens_per_pointer
        return torch.cat(
            (
                (memory.positions < 0).repeat_interleave(memory.tokens.shape[2], dim=1),
                (memory.pointer_distances < 0).repeat_interleave(pieces, dim=1),
            ),
            dim=1,
        )

    def _laterals(self) -> list[tuple[Tensor, Tensor]]:
        """
        Return the linear maps of the two fine stages, as the decoder reads them.

        The decoder's first step on them is the same for every object and prompt.
        """
        neck, decoder = self.image_encoder.neck, self.sam_mask_decoder
        return [neck.lateral(0, decoder.conv_s0), neck.lateral(1, decoder.conv_s1)]


def learned(*shape: int) -> nn.Parameter:
    """Return a learned embedding of a shape, initialised as SAM 2 does."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(shape), std=0.02))
