# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of automatic mask generation."""

from __future__ import annotations

from dataclasses import dataclass, fields
import math

from sam_tracker.networks.api import SuitedSettings
from sam_tracker.segmentation.mask_filters import STABILITY_OFFSET

MOST_LAYERS = 4
"""Largest number of layers of crops; the fourth has 256 crops."""


@dataclass(frozen=True)
class MaskGeneratorSettings:
    """
    Settings of a ``MaskGenerator``; the defaults are SAM 2's, for its published checkpoints.

    :raises ValueError: a value is of the wrong type or out of range; the text names it.
    """

    points_per_side: int = 32
    """Points of the grid along each side of the image."""
    points_per_batch: int = 64
    """Points decoded in one batch: limits memory and the duration of a slice."""
    masks_per_batch: int = 64
    """Masks resized to the image in one batch; at most ``points_per_batch`` are."""
    predicted_iou: float = 0.8
    """Minimum predicted IoU of a mask."""
    stability_score: float = 0.95
    """Minimum stability score of a mask."""
    stability_offset: float = STABILITY_OFFSET
    """Offset of the thresholds, in logits, between which stability is measured."""
    box_overlap: float = 0.7
    """IoU of two boxes above which the worse mask is dropped as a duplicate."""
    minimum_area: int = 100
    """Pixels of the image below which holes are filled and regions removed; 0: neither."""
    crop_layers: int = 0
    """
    Layers of crops in addition to the whole image, to find small objects in large images.

    Layer l has 4^l crops, each of which is encoded and searched like an image.
    """
    crop_overlap: float = 512 / 1500
    """Overlap of neighbouring crops of the first layer, as a share of the image's short side."""
    crop_points_divisor: int = 1
    """Divisor of ``points_per_side`` with each further layer of crops."""
    maximum_masks: int = 500
    """Largest number of masks, the best ones; bounds the memory of the answer."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            whole = field.type == 'int'
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                kind = 'a whole number' if whole else 'a number'
                raise ValueError(f'{field.name} must be {kind}, not {value!r}')
        for name in ('predicted_iou', 'stability_score', 'box_overlap'):
            self._require(name, 0, 1)
        for name in (
            'points_per_batch',
            'masks_per_batch',
            'maximum_masks',
            'crop_points_divisor',
        ):
            self._require(name, 1, math.inf)
        self._require('points_per_side', 1, 1024)
        self._require('minimum_area', 0, math.inf)
        self._require('crop_layers', 0, MOST_LAYERS)
        # With a larger overlap neighbours would share most of their pixels.
        self._require('crop_overlap', 0, 0.9)
        if not 0 < self.stability_offset < math.inf:
            raise ValueError(f'stability_offset must be above 0, not {self.stability_offset!r}')

    def _require(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            raise ValueError(f'{name} must be from {least:g} to {most:g}, not {value!r}')

    def points_of_layer(self, layer: int) -> int:
        """Return the points along each side of a crop in a layer; layer 0 is the whole image."""
        return max(self.points_per_side // self.crop_points_divisor**layer, 1)

    @classmethod
    def for_network(cls, suited: SuitedSettings) -> MaskGeneratorSettings:
        """Return the settings that suit a network."""
        return cls(
            points_per_side=suited.points_per_side,
            predicted_iou=suited.predicted_iou,
            stability_score=suited.stability_score,
        )
