# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The hyper-parameters of EdgeTAM: those of SAM 2.1, with two layers of memory attention."""

from dataclasses import dataclass
from typing import ClassVar

from sam_tracker.networks.sam2.configuration import VideoConfiguration


@dataclass(frozen=True, kw_only=True)
class EdgeTamConfiguration(VideoConfiguration):
    """
    All hyper-parameters of EdgeTAM.

    The windows of the perceiver must tile the image embedding, so the side of the input is a
    multiple of 256 pixels.
    """

    name: str = 'edgetam'
    memory_attention_layers: int = 2

    size_step: ClassVar[int] = 256
