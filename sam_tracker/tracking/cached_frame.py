# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The image features of a frame, which a tracker keeps instead of its pixels."""

from dataclasses import dataclass, field

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import ImageFeatures


@dataclass(eq=False)
class CachedFrame:
    """A frame whose features are computed once for all objects and prompts."""

    stamp: int
    """Nanoseconds."""
    scale: ImageScale
    """How the image maps to the network's input; it knows the size of the image."""
    features: dict[Region, ImageFeatures] = field(default_factory=dict)
    """Features by the part of the image that was encoded; only the newest few are kept."""
    stepped: bool = False
    """Whether all objects were propagated to it."""

    @property
    def whole(self) -> Region:
        """The whole image."""
        return self.scale.region

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height of the image."""
        return self.scale.width, self.scale.height
