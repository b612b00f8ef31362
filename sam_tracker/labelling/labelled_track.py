# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The label of one object on one frame, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
import enum
import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_tracker.core.boxes import Region
from sam_tracker.core.run_length import run_lengths, uncompressed
from sam_tracker.tracking.track import Track, TrackState


class Stage(enum.Enum):
    """Origin of a label: the three stages of SAM's data engine (arXiv 2304.02643)."""

    HAND = 'hand'
    """By a prompt on this frame."""
    CORRECTED = 'corrected'
    """By a prompt on this frame that corrected a propagated label."""
    AUTOMATIC = 'automatic'
    """Propagated from other frames."""


@dataclass(frozen=True)
class LabelledTrack:
    """
    One object on one frame.

    Coordinates are pixels of the image, origin in its top left corner, pixel centres at +0.5,
    boxes half open.
    """

    object_id: int
    state: TrackState
    confidence: float
    """0 to 1, as ``Track.confidence``."""
    mask_affinity: float
    object_logit: float
    motion_score: float | None
    """None: the motion was not trusted."""
    size: tuple[int, int]
    """Width and height of the image."""
    box: tuple[float, float, float, float] | None
    """x_min, y_min, x_max, y_max; None: not visible."""
    counts: str
    """COCO's compressed run lengths of the mask; empty: not visible."""
    stage: Stage = Stage.AUTOMATIC
    doubt: float = 0.0
    """Doubt about the label, 0 to 1; see ``joining``."""

    @classmethod
    def of(cls, track: Track, stage: Stage = Stage.AUTOMATIC) -> LabelledTrack:
        """Return what is stored of a track."""
        region, box, counts = track.region, track.box, ''
        if region is not None:
            origin = (region.x, region.y)
            counts = run_lengths(track.mask_crop, origin, *track.image_size)['counts']
        else:
            box = None
        motion = None if math.isnan(track.motion_score) else round(track.motion_score, 6)
        return cls(
            object_id=track.object_id,
            state=track.state,
            confidence=round(track.confidence, 6) if box is not None else 0.0,
            mask_affinity=round(track.mask_affinity_score, 6),
            object_logit=round(track.object_score, 6),
            motion_score=motion,
            size=track.image_size,
            box=None if box is None else tuple(round(float(value), 3) for value in box),  # type: ignore[arg-type]
            counts=counts,
            stage=stage,
        )

    @property
    def visible(self) -> bool:
        """Whether there is a mask."""
        return bool(self.counts)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[H, W] true on the object."""
        width, height = self.size
        if not self.counts:
            return np.zeros((height, width), np.bool_)
        return uncompressed(self.counts, width, height) != 0

    @property
    def region(self) -> Region | None:
        """The smallest rectangle of whole pixels that holds the mask; None: not visible."""
        if self.box is None:
            return None
        x, y, right, bottom = (int(value) for value in self.box)
        return Region(x, y, right - x, bottom - y)

    def json(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return {
            'object': self.object_id,
            'state': self.state.name.lower(),
            'stage': self.stage.value,
            'confidence': self.confidence,
            'mask_affinity': self.mask_affinity,
            'object_logit': self.object_logit,
            'motion_score': self.motion_score,
            'doubt': self.doubt,
            'box': self.box,
            'segmentation': {'size': [self.size[1], self.size[0]], 'counts': self.counts},
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> LabelledTrack:
        """Return the track that ``json`` was called on."""
        height, width = fields['segmentation']['size']
        return cls(
            object_id=fields['object'],
            state=TrackState[fields['state'].upper()],
            confidence=fields['confidence'],
            mask_affinity=fields['mask_affinity'],
            object_logit=fields['object_logit'],
            motion_score=fields['motion_score'],
            size=(width, height),
            box=None if fields['box'] is None else tuple(fields['box']),
            counts=fields['segmentation']['counts'],
            stage=Stage(fields['stage']),
            doubt=fields['doubt'],
        )


def line(fields: dict[str, Any]) -> bytes:
    """Return one line of a JSON lines file; equal fields give equal bytes."""
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(',', ':'))
    return text.encode() + b'\n'
