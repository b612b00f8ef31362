# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The mask of one object on one frame, with all state that is needed to track it from there."""

from dataclasses import dataclass

from torch import Tensor

from sam_tracker.networks.api import ImageFeatures
from sam_tracker.tracking.closer_look.focus import Focus
from sam_tracker.tracking.decoded_mask import DecodedMask
from sam_tracker.tracking.memory.api import FrameFacts
from sam_tracker.tracking.motion.mask_selector import MaskSelector


@dataclass(frozen=True, eq=False)
class Sighting:
    """What the network showed as an object; whether it is the object may be in doubt."""

    stamp: int
    """Nanoseconds, of the frame."""
    features: ImageFeatures
    """Features of the part of the frame that the mask was decoded from."""
    mask: DecodedMask
    token: Tensor
    """[D] of the mask."""
    facts: FrameFacts
    """Facts of the frame if the mask is the object's."""
    selector: MaskSelector
    """The object's motion before the mask was a measurement."""
    focus: Focus | None
    """Where the object was looked for, before the mask could move that."""
