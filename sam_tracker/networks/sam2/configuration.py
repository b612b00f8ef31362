# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Hyper-parameters of SAM 2.1 networks, and the named sizes."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from sam_tracker.networks.api import SuitedSettings


@dataclass(frozen=True, kw_only=True)
class PromptConfiguration:
    """
    The shapes of prompt encoder and mask decoder, which all members of the SAM family share.

    :raises ValueError: naming the offending value when no network can be built from it.
    """

    name: str
    image_size: int = 1024
    """Side S of the square input in pixels: a multiple of ``size_step`` from 128 to 1024."""
    embedding_dimension: int = 256
    """D: channels of the image embedding, of tokens and of object pointers."""
    decoder_layers: int = 2
    decoder_heads: int = 8
    decoder_feedforward: int = 2048
    iou_head_hidden: int = 256
    suited_settings: SuitedSettings = field(default_factory=SuitedSettings)
    """Settings of tracking and segmentation that suit the weights of this size."""

    size_step: ClassVar[int] = 16

    def __post_init__(self) -> None:
        if self.image_size % self.size_step or not 128 <= self.image_size <= 1024:
            raise ValueError(
                f'image_size must be a multiple of {self.size_step} from 128 to 1024, not '
                f'{self.image_size}'
            )
        if self.embedding_dimension % (2 * self.decoder_heads) or self.embedding_dimension % 8:
            raise ValueError(
                f'embedding_dimension must be a multiple of 8 and of twice the '
                f'{self.decoder_heads} decoder heads, not {self.embedding_dimension}'
            )

    @property
    def embedding_size(self) -> int:
        """Side of the image embedding, S / 16."""
        return self.image_size // 16


@dataclass(frozen=True, kw_only=True)
class VideoConfiguration(PromptConfiguration):
    """The shapes of memories too, which SAM 2.1 and its variants share."""

    memory_channels: int = 64
    """C_mem: channels of a memory; a pointer is cut into D / C_mem tokens of this size."""
    memory_slots: int = 7
    """Temporal positions a memory can take: six by recency, the last for conditioning frames."""
    memory_attention_layers: int = 4
    memory_attention_feedforward: int = 2048
    memory_fuser_blocks: int = 2
    stability_fallback: bool = True
    """
    Whether an unstable single mask gives way to the best of the three candidates.

    SAM 2's own predictors do this for inference, and never while training.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embedding_dimension % self.memory_channels or self.memory_channels % 4:
            raise ValueError(
                f'memory_channels must be a multiple of 4 that divides embedding_dimension '
                f'{self.embedding_dimension}, not {self.memory_channels}'
            )

    @property
    def tokens_per_pointer(self) -> int:
        """Memory tokens that one object pointer is cut into, D / C_mem."""
        return self.embedding_dimension // self.memory_channels


@dataclass(frozen=True, kw_only=True)
class NetworkConfiguration(VideoConfiguration):
    """All hyper-parameters of a SAM 2.1 network; the defaults are those of the published sizes."""

    hiera_width: int
    """Channels of the first encoder stage; each of the three further stages doubles them."""
    hiera_heads: int
    """Attention heads of the first encoder stage; doubled like the channels."""
    hiera_blocks: tuple[int, int, int, int]
    """Blocks of each stage."""
    hiera_windows: tuple[int, int, int, int]
    """Side of the attention windows of each stage, in tokens."""
    hiera_global_blocks: tuple[int, ...]
    """Blocks, counted through all stages, that attend to the whole image instead."""
    hiera_position_grid: int
    """Side of the coarse grid from which the absolute position embedding is interpolated."""

    size_step: ClassVar[int] = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if 8 % self.hiera_windows[0]:
            raise ValueError(
                f'the first windows must tile every image size, so be 2, 4 or 8 tokens wide, '
                f'not {self.hiera_windows[0]}'
            )
        if any(window % 2 for window in self.hiera_windows[:-1]):
            raise ValueError(
                f'windows that are pooled must have even sides, not {self.hiera_windows}'
            )
        if any(not 0 <= block < sum(self.hiera_blocks) for block in self.hiera_global_blocks):
            raise ValueError(
                f'global blocks {self.hiera_global_blocks} lie outside the '
                f'{sum(self.hiera_blocks)} blocks of the encoder'
            )


_SIZES = (
    # Small enough for a CPU; its weights come with the package (docs/nano.md).
    NetworkConfiguration(
        name='nano',
        image_size=224,
        hiera_width=24,
        hiera_heads=1,
        hiera_blocks=(1, 2, 4, 1),
        hiera_windows=(8, 8, 8, 8),
        hiera_global_blocks=(4, 5, 6, 7),
        hiera_position_grid=7,
        embedding_dimension=96,
        memory_channels=48,
        memory_attention_layers=2,
        memory_attention_feedforward=384,
        decoder_heads=4,
        decoder_feedforward=384,
        iou_head_hidden=96,
        stability_fallback=False,
        # It was trained to be right at an object logit of 0; with -1 it tracks hardly better and
        # takes many absent objects for present (docs/nano.md). It predicts low IoUs: by the
        # thresholds of the large networks it finds next to nothing. With these, six in ten of its
        # masks are objects of generated images that it was not trained on, and six in ten of the
        # objects are found. A point to every 14 of its 224 pixels is three to four mask cells.
        suited_settings=SuitedSettings(
            presence_logit=0.0,
            familiarity=0.4,
            points_per_side=16,
            predicted_iou=0.5,
            stability_score=0.4,
        ),
    ),
    # The published SAM 2.1 sizes.
    NetworkConfiguration(
        name='tiny',
        hiera_width=96,
        hiera_heads=1,
        hiera_blocks=(1, 2, 7, 2),
        hiera_windows=(8, 4, 14, 7),
        hiera_global_blocks=(5, 7, 9),
        hiera_position_grid=7,
    ),
    NetworkConfiguration(
        name='small',
        hiera_width=96,
        hiera_heads=1,
        hiera_blocks=(1, 2, 11, 2),
        hiera_windows=(8, 4, 14, 7),
        hiera_global_blocks=(7, 10, 13),
        hiera_position_grid=7,
    ),
    NetworkConfiguration(
        name='base_plus',
        hiera_width=112,
        hiera_heads=2,
        hiera_blocks=(2, 3, 16, 3),
        hiera_windows=(8, 4, 14, 7),
        hiera_global_blocks=(12, 16, 20),
        hiera_position_grid=14,
    ),
    NetworkConfiguration(
        name='large',
        hiera_width=144,
        hiera_heads=2,
        hiera_blocks=(2, 6, 36, 4),
        hiera_windows=(8, 4, 16, 8),
        hiera_global_blocks=(23, 33, 43),
        hiera_position_grid=7,
        # SAMURAI's released configuration for this size (arXiv 2411.11922).
        suited_settings=SuitedSettings(motion_weight=0.15),
    ),
)

CONFIGURATION_NAMES = tuple(size.name for size in _SIZES)


def configuration_named(name: str, image_size: int | None = None) -> NetworkConfiguration:
    """
    Return the configuration of that name, at its own image size unless another is given.

    :raises ValueError: the name is not one of ``CONFIGURATION_NAMES``, or the image size is not a
        multiple of 32 from 128 to 1024.
    """
    for size in _SIZES:
        if size.name == name:
            return size if image_size is None else replace(size, image_size=image_size)
    raise ValueError(f'unknown network {name!r}; choose from {", ".join(CONFIGURATION_NAMES)}')
