# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which objects may have pixels in common, such as a mug and its handle."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sam_tracker.core.boxes import Box
from sam_tracker.tracking.decoded_mask import DecodedMask, compared_masks
from sam_tracker.tracking.track import Track

PART_SHARE = 0.5
"""Share of the smaller mask, or box, from which on one object is taken for a part of another."""
KEPT_FRAMES = 600
"""Frames whose boxes are kept, for prompts on older frames: 20 s at 30 Hz."""


@dataclass(frozen=True)
class Comparison:
    """Overlaps of a prompted object with others."""

    parts: frozenset[int]
    """Ids of objects that it is a part of, or that are parts of it."""
    same: int | None
    """Id of the object whose mask is the same; None: there is none."""


class SharedPixels:
    """
    Which objects may have pixels in common; the overlaps of all others are resolved.

    It is decided when an object is prompted, by masks of the same frame: the newest one, which
    all objects have reached. When the prompt was made on an older frame, the boxes of that frame
    must overlap as well, so that an object that has just moved over another is no part of it.
    """

    def __init__(self, same_object: float) -> None:
        """:param same_object: IoU of two masks above which they show the same object."""
        self.same_object = same_object
        self._pairs: dict[int, set[int]] = {}
        self._frames: deque[tuple[int, dict[int, Box]]] = deque(maxlen=KEPT_FRAMES)
        """Stamps, and boxes in image pixels by object id."""

    @property
    def may_share(self) -> Mapping[int, Collection[int]]:
        """For the id of an object, the ids of those that it may share pixels with."""
        return self._pairs

    def compare(
        self,
        mask: DecodedMask,
        others: Mapping[int, DecodedMask],
        prompted: Track | None = None,
    ) -> Comparison:
        """
        Compare the mask of a prompted object with those of others on the same frame.

        :param others: masks by id.
        :param prompted: the object on the frame of its prompt; None: on this frame.
        """
        if not others:
            return Comparison(frozenset(), None)
        boxes: Mapping[int, Box] = {}
        box = None if prompted is None else prompted.network_box
        if prompted is not None and box is not None:
            boxes = next((kept for stamp, kept in self._frames if stamp == prompted.stamp), {})
        parts, same, best = set(), None, self.same_object
        shares, ious = compared_masks(mask, list(others.values()))
        for object_id, share, iou in zip(others, shares, ious, strict=True):
            before = boxes.get(object_id)
            if box is not None and before is not None and covered_share(box, before) <= PART_SHARE:
                continue
            if share > PART_SHARE:
                parts.add(object_id)
            if iou > best:
                same, best = object_id, float(iou)
        return Comparison(frozenset(parts), same)

    def with_parts(self, parts: Mapping[int, Collection[int]]) -> Mapping[int, Collection[int]]:
        """Return ``may_share`` as it would be after ``add_parts``, without adding anything."""
        if not parts:
            return self._pairs
        pairs = {object_id: set(others) for object_id, others in self._pairs.items()}
        _add(pairs, parts)
        return pairs

    def set_parts(self, object_id: int, parts: Collection[int]) -> None:
        """Let an object share pixels with these objects, and with no others."""
        self.remove(object_id)
        self.add_parts({object_id: parts})

    def add_parts(self, parts: Mapping[int, Collection[int]]) -> None:
        """Let objects share pixels with more objects: by the id of one the ids of the others."""
        _add(self._pairs, parts)

    def remove(self, object_id: int) -> None:
        """Forget with which objects one may share pixels."""
        for other in self._pairs.pop(object_id, ()):
            self._pairs[other].discard(object_id)

    def add_frame(self, stamp: int, tracks: Iterable[Track]) -> None:
        """Keep the boxes of a frame; those of later stamps are of another clock, and dropped."""
        if self._frames and stamp <= self._frames[-1][0]:
            self._frames.clear()
        boxes = {
            track.object_id: track.network_box for track in tracks if track.network_box is not None
        }
        self._frames.append((stamp, boxes))

    def forget_frames(self) -> None:
        """Forget the boxes of all frames."""
        self._frames.clear()


def _add(pairs: dict[int, set[int]], parts: Mapping[int, Collection[int]]) -> None:
    for object_id, others in parts.items():
        for other in others:
            pairs.setdefault(object_id, set()).add(other)
            pairs.setdefault(other, set()).add(object_id)


def covered_share(box: Box, other: Box) -> float:
    """Return the area that two boxes [4] have in common as a share of the smaller box."""
    shared = np.prod(np.maximum(np.minimum(box, other)[2:] - np.maximum(box, other)[:2], 0))
    smaller = min(float(np.prod(each[2:] - each[:2])) for each in (box, other))
    return float(shared) / smaller if smaller > 0 else 0.0
