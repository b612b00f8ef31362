# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The image features of a frame, which a tracker keeps instead of its pixels."""

from dataclasses import dataclass, field

from sam_tracker.core.boxes import Region
from sam_tracker.core.coordinates import ImageScale
from sam_tracker.networks.api import ImageFeatures


@dataclass(frozen=True)
class View:
    """A part of a frame, for the usual input of the network or for the small one."""

    region: Region
    small: bool = False


@dataclass(frozen=True, eq=False)
class Encoding:
    """What the network's encoder makes of a view."""

    features: ImageFeatures
    """Of one image."""
    small: bool
    """Whether it was encoded at the small input."""


@dataclass(eq=False)
class CachedFrame:
    """A frame whose features are computed once for all objects and prompts."""

    stamp: int
    """Nanoseconds."""
    scale: ImageScale
    """How the image maps to the network's input; it knows the size of the image."""
    encodings: dict[View, Encoding] = field(default_factory=dict)
    """The newest few."""
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
