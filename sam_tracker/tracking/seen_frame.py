# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A frame that the tracker has looked at."""

from dataclasses import dataclass

from sam_tracker.networks.api import ImageFeatures


@dataclass
class SeenFrame:
    """A frame that the tracker has looked at."""

    stamp: int
    """Nanoseconds."""
    width: int
    height: int
    features: ImageFeatures | None = None
    """What the network sees in it, once it was encoded."""
    stepped: bool = False
    """Whether all objects have been brought to it."""
