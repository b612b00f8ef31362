# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What one object remembers, and which of it is read on a frame.

The bank keeps the books; the tensors lie in a ``MemoryStore``, at the places the bank names. It
is bounded for ever, and yet reads exactly what a scan over all past frames would find:

- Whether a frame is worth remembering is known when it is stored and never changes. So of the
  frames before the last one only the newest five worthy ones can ever be read again.
- The last frame is always read, worthy or not.
- Pointers are read up to a distance, which only grows.

One frame more than that is kept, so that the newest frame can be decoded a second time from what
was known before it, when it is corrected. Frames are counted for each object from its first
prompt, frame 0.
"""

from collections import deque
from dataclasses import dataclass

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.settings import TrackerSettings


@dataclass(frozen=True)
class Scores:
    """What decides whether a frame is worth remembering."""

    affinity: float
    """s_mask, the IoU predicted for the chosen mask."""
    object_logit: float
    """s_obj."""
    motion_score: float | None
    """s_kf; None where the motion was not trusted."""


@dataclass(frozen=True)
class Places:
    """Where the tensors of one frame go in the store of one object."""

    memory: int
    pointer: int


@dataclass(frozen=True)
class Recollection:
    """What is read on one frame, in the order in which the network attends to it."""

    frames: list[int]
    """The K frames whose memories are read: conditioning ones, then oldest to newest."""
    places: list[int]
    """Places of these K memories."""
    positions: list[int]
    """Their temporal positions, as ``MemoryLayout.recent_memories`` counts them."""
    pointer_places: list[int]
    """Places of the P pointers: conditioning ones, then newest to oldest."""
    pointer_distances: list[int]
    """Frames from each of the P pointers to the current one."""

    @property
    def layout(self) -> tuple[int, int]:
        """K and P: objects of equal layout are read in one batch."""
        return len(self.places), len(self.pointer_places)


@dataclass(frozen=True)
class _Entry:
    frame: int
    place: int
    worthy: bool = True


class MemoryBank:
    """
    The books of one object's memory.

    ``recall`` says what to read; ``remember``, ``condition`` and ``correct`` take a frame into the
    books and answer with the places where its memory and its pointer must be put.
    """

    def __init__(self, settings: TrackerSettings, layout: MemoryLayout) -> None:
        self.settings = settings
        self._layout = layout
        self.frame = -1
        """The newest frame in the books."""
        self._conditioning: list[tuple[_Entry, int]] = []
        """Conditioning memories and the places of their pointers."""
        self._last: _Entry | None = None
        """The newest frame, unless it is a conditioning one."""
        self._previous: _Entry | None = None
        """The frame before the newest, unless it is a conditioning one."""
        self._worthy: deque[_Entry] = deque()
        """The newest worthy frames before these two, oldest first."""
        self._pointers: deque[tuple[int, int]] = deque()
        """Frames and places of the recent pointers, newest first."""
        self._free = list(range(memory_places(settings, layout)))
        self._free_pointers = list(range(pointer_places(settings, layout)))

    def recall(self, correcting: bool = False) -> Recollection | None:
        """
        Return what to read on the next frame; None when nothing was remembered before it.

        :param correcting: on the newest frame instead, as it was read the first time.
        """
        now = self.frame if correcting else self.frame + 1
        conditioning = [held for held in self._conditioning if held[0].frame < now]
        if not conditioning:
            return None
        recent = self._recent(now, correcting)
        pointers = [(entry.frame, place) for entry, place in conditioning]
        pointers += [
            (frame, place)
            for frame, place in self._pointers
            if 1 <= now - frame <= self._layout.recent_pointers
        ]
        return Recollection(
            frames=[entry.frame for entry, _ in conditioning + recent],
            places=[entry.place for entry, _ in conditioning + recent],
            positions=[self._layout.conditioning_position] * len(conditioning)
            + [position for _, position in recent],
            pointer_places=[place for _, place in pointers],
            pointer_distances=[now - frame for frame, _ in pointers],
        )

    def remember(self, scores: Scores) -> Places:
        """Take the next frame, which was tracked, into the books."""
        self._move_on()
        self._last = _Entry(self.frame, self._free.pop(), self._is_worthy(scores))
        if len(self._pointers) > self._layout.recent_pointers:
            self._free_pointers.append(self._pointers.pop()[1])
        self._pointers.appendleft((self.frame, self._free_pointers.pop()))
        return Places(self._last.place, self._pointers[0][1])

    def condition(self) -> Places:
        """Take the next frame, which was prompted, into the books."""
        self._move_on()
        return self._hold(Places(self._free.pop(), self._free_pointers.pop()))

    def correct(self, scores: Scores) -> Places:
        """
        Take a prompt on the newest frame into the books.

        It becomes a conditioning frame where the settings have it so, and stays what it was where
        not; what was stored of it is replaced.
        """
        if self._last is None:
            entry, pointer = self._conditioning[-1]
            return Places(entry.place, pointer)
        places = Places(self._last.place, self._pointers[0][1])
        if self.settings.corrections_condition:
            self._last = None
            self._pointers.popleft()
            return self._hold(places)
        self._last = _Entry(self.frame, places.memory, self._is_worthy(scores))
        return places

    def forget_tracking(self) -> None:
        """Forget all but the conditioning memories."""
        entries = [*self._worthy, self._previous, self._last]
        self._free += [entry.place for entry in entries if entry is not None]
        self._free_pointers += [place for _, place in self._pointers]
        self._worthy.clear()
        self._pointers.clear()
        self._previous = self._last = None

    def _recent(self, now: int, correcting: bool) -> list[tuple[_Entry, int]]:
        """Memories other than the conditioning ones, oldest first, with their positions."""
        recent = self._layout.recent_memories
        earlier = list(self._worthy)
        last = self._previous if correcting else self._last
        if not correcting and self._previous is not None and self._previous.worthy:
            earlier.append(self._previous)
        if self.settings.memory_rule == 'samurai':
            # Position is rank. The last frame has rank 0 even where it is a conditioning one.
            newest_first = reversed(earlier)
            ranked = list(zip(newest_first, range(1, recent), strict=False))
        else:
            ranked = [
                (entry, now - entry.frame - 1)
                for entry in reversed(earlier)
                if now - entry.frame <= recent
            ]
        if last is not None:
            ranked.insert(0, (last, 0))
        return ranked[::-1]

    def _is_worthy(self, scores: Scores) -> bool:
        settings = self.settings
        if settings.memory_rule != 'samurai':
            return True
        # The released code never looks back to the frame after the first prompt.
        return (
            self.frame >= 2
            and scores.affinity > settings.memory_affinity
            and scores.object_logit > settings.memory_object_logit
            and (scores.motion_score is None or scores.motion_score > settings.memory_motion_score)
        )

    def _move_on(self) -> None:
        """Make room for the next frame."""
        self.frame += 1
        if self._previous is not None and self._previous.worthy:
            self._worthy.append(self._previous)
            if len(self._worthy) == self._layout.recent_memories:
                self._free.append(self._worthy.popleft().place)
        elif self._previous is not None:
            self._free.append(self._previous.place)
        self._previous, self._last = self._last, None

    def _hold(self, places: Places) -> Places:
        """Make the newest frame a conditioning one; keep the first and the newest of them."""
        self._conditioning.append((_Entry(self.frame, places.memory), places.pointer))
        if len(self._conditioning) > self.settings.conditioning_memories:
            entry, pointer = self._conditioning.pop(1)
            self._free.append(entry.place)
            self._free_pointers.append(pointer)
        return places


def memory_places(settings: TrackerSettings, layout: MemoryLayout) -> int:
    """
    Return how many memories one object can hold at once.

    One conditioning memory more than is kept, for the moment in which a new one comes; all
    recent ones but one, and the last two frames.
    """
    return settings.conditioning_memories + 1 + layout.recent_memories + 1


def pointer_places(settings: TrackerSettings, layout: MemoryLayout) -> int:
    """Return how many pointers one object can hold at once."""
    return settings.conditioning_memories + 1 + layout.recent_pointers + 1
