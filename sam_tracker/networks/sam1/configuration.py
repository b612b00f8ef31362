# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The hyper-parameters of a SAM network, and the three published sizes."""

from dataclasses import dataclass, replace

from sam_tracker.networks.api import SuitedSettings
from sam_tracker.networks.sam2.configuration import PromptConfiguration


@dataclass(frozen=True, kw_only=True)
class Sam1Configuration(PromptConfiguration):
    """All hyper-parameters of a SAM network; the defaults are those of the published sizes."""

    width: int
    """Channels of a token in the image encoder."""
    heads: int
    """Attention heads of the image encoder."""
    blocks: int
    """Blocks of the image encoder."""
    global_blocks: tuple[int, ...]
    """Blocks that attend to the whole image; the others attend inside windows."""
    window: int = 14
    """Side of the attention windows, in tokens."""
    position_grid: int = 64
    """
    Side of the token grid that positions are stored for; for images of another size than 16 times
    this they are interpolated.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise ValueError(f'width must be a multiple of {self.heads} heads, not {self.width}')
        if any(not 0 <= block < self.blocks for block in self.global_blocks):
            raise ValueError(
                f'global blocks {self.global_blocks} lie outside the {self.blocks} blocks'
            )


# Thresholds of Meta's SamAutomaticMaskGenerator.
_SETTINGS = SuitedSettings(predicted_iou=0.88, stability_score=0.95)

_SIZES = tuple(
    Sam1Configuration(
        name=name,
        width=width,
        heads=heads,
        blocks=blocks,
        global_blocks=global_blocks,
        suited_settings=_SETTINGS,
    )
    for name, width, heads, blocks, global_blocks in (
        ('sam_vit_b', 768, 12, 12, (2, 5, 8, 11)),
        ('sam_vit_l', 1024, 16, 24, (5, 11, 17, 23)),
        ('sam_vit_h', 1280, 16, 32, (7, 15, 23, 31)),
    )
)

SAM1_NAMES = tuple(size.name for size in _SIZES)


def sam1_configuration(name: str, image_size: int | None = None) -> Sam1Configuration:
    """
    Return the configuration of that name, at 1024 pixels unless another size is given.

    :raises ValueError: for a name that is not one of ``SAM1_NAMES``, and for an image size that
        is not a multiple of 16 from 128 to 1024.
    """
    for size in _SIZES:
        if size.name == name:
            return size if image_size is None else replace(size, image_size=image_size)
    raise ValueError(f'no SAM network is called {name!r}; there are {", ".join(SAM1_NAMES)}')
