# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Hyper-parameters of the network with MobileNetV2 as its trunk; the rest is as in nano."""

from dataclasses import dataclass, field
from typing import ClassVar

from sam_tracker.networks.api import SuitedSettings
from sam_tracker.networks.sam2.configuration import VideoConfiguration


@dataclass(frozen=True, kw_only=True)
class MobileConfiguration(VideoConfiguration):
    """All hyper-parameters of the network; its weights come with the package."""

    name: str = 'mobile'
    image_size: int = 224
    embedding_dimension: int = 96
    memory_channels: int = 48
    memory_attention_layers: int = 2
    memory_attention_feedforward: int = 384
    decoder_heads: int = 4
    decoder_feedforward: int = 384
    iou_head_hidden: int = 96
    stability_fallback: bool = False
    # Trained to be right at an object logit of 0, like nano, and as little sure of its masks.
    suited_settings: SuitedSettings = field(
        default_factory=lambda: SuitedSettings(
            presence_logit=0.0,
            familiarity=0.4,
            certain_familiarity=0.75,
            memory_growth=1.15,
            points_per_side=16,
            predicted_iou=0.5,
            stability_score=0.4,
        )
    )

    size_step: ClassVar[int] = 32
