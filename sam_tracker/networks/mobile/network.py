# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""SAM 2.1 in small, with MobileNetV2 as its trunk."""

from sam_tracker.networks.mobile.configuration import MobileConfiguration
from sam_tracker.networks.mobile.mobilenet_v2 import STAGE_CHANNELS, MobileNetV2
from sam_tracker.networks.sam2.network import Sam2MemoryNetwork


class MobileNetwork(Sam2MemoryNetwork):
    """SAM 2.1 with a trunk that was pretrained on photographs."""

    configuration: MobileConfiguration

    def __init__(self, configuration: MobileConfiguration) -> None:
        super().__init__(configuration, MobileNetV2(), list(STAGE_CHANNELS))
