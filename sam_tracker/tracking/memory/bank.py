# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames one object remembers, where their tensors are, and which of them are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.api import FrameFacts, MemoryRule, RememberedFrame
from sam_tracker.tracking.memory.registry import MEMORY_RULES
from sam_tracker.tracking.settings import TrackerSettings

_PROMPTED = FrameFacts(1.0, math.inf, None)
"""Facts of a conditioning frame, which no rule reads."""


@dataclass(frozen=True)
class MemoryReading:
    """What is read on one frame, in the order in which the network attends to it."""

    places: list[int]
    """Places of the K memories: conditioning frames, then as the rule orders them."""
    positions: list[int]
    """Their temporal positions, as ``MemoryLayout.recent_memories`` counts them."""
    pointer_places: list[int]
    """Places of the P pointers: conditioning frames, then newest to oldest."""
    pointer_distances: list[int]
    """Frames from each of the P pointers to the current one."""

    @property
    def layout(self) -> tuple[int, int]:
        """K and P: objects of equal layout are read in one batch."""
        return len(self.places), len(self.pointer_places)


@dataclass(frozen=True, eq=False)
class MemoryBank:
    """
    The frames one object remembers: an immutable value of bounded size.

    Conditioning frames (prompted ones) are kept up to ``conditioning_memories``, the first and
    the newest; of tracked frames a rule chooses. Pointers are kept as long as they are read, up
    to a distance. What is read on the newest frame is kept for one frame more, so that the frame
    can be decoded a second time when a prompt corrects it.

    Frames are counted in the direction in which the object is propagated. Whole recordings also
    have conditioning frames that are still to come, with numbers above ``frame``, and ones from
    before the first, with negative numbers (``condition_at``).

    The tensors are in ``MemoryStore``, at the places that a frame has here.
    """

    settings: TrackerSettings
    layout: MemoryLayout
    rule: MemoryRule
    rule_before: MemoryRule
    """The rule before the newest frame, by which that frame was read."""
    frame: int = -1
    """Number of the newest frame."""
    conditioning: tuple[RememberedFrame, ...] = ()
    tracked: tuple[RememberedFrame, ...] = ()
    """Frames that the rule keeps, oldest first."""
    recent: tuple[tuple[int, int], ...] = ()
    """Numbers of the recent tracked frames, and places of the pointers to read, newest first."""

    @classmethod
    def empty(cls, settings: TrackerSettings, layout: MemoryLayout) -> MemoryBank:
        """Return the memory of a new object."""
        rule = MEMORY_RULES[settings.memory_rule](settings, layout)
        return cls(settings, layout, rule, rule)

    def with_settings(self, settings: TrackerSettings) -> MemoryBank:
        """Return the bank with other settings and the same memories."""
        return replace(
            self,
            settings=settings,
            rule=self.rule.with_settings(settings),
            rule_before=self.rule_before.with_settings(settings),
        )

    @property
    def memory_places(self) -> int:
        """Memories that the bank can hold at once, a new one included."""
        return self.settings.conditioning_memories + self.rule.capacity + 1

    @property
    def pointer_places(self) -> int:
        """Object pointers that the bank can hold at once, a new one included."""
        lasting = self.settings.conditioning_memories
        if self.rule.keeps_pointers:
            lasting += self.rule.capacity
        return lasting + self.layout.recent_pointers + 1

    def read(self, correcting: bool = False) -> MemoryReading | None:
        """
        Return what to read on the next frame; None when nothing was remembered before it.

        :param correcting: on the newest frame instead, as it was read the first time.
        """
        now, rule = self.frame + 1, self.rule
        if correcting:
            now, rule = self.frame, self.rule_before
        conditioning = [each for each in self.conditioning if each.frame != now]
        if not conditioning:
            return None
        tracked = rule.read([each for each in self.tracked if each.frame < now], now)
        # Pointers of later conditioning frames are not read, as in SAM 2.
        lasting = [each for each in conditioning if each.frame < now] + [
            each for each, place in tracked if place == self.layout.conditioning_position
        ]
        read_already = {each.frame for each in lasting}
        pointers = [(each.frame, each.pointer) for each in lasting]
        pointers += [
            (frame, place)
            for frame, place in self.recent
            if 1 <= now - frame <= self.layout.recent_pointers and frame not in read_already
        ]
        return MemoryReading(
            places=[each.memory for each in conditioning] + [each.memory for each, _ in tracked],
            positions=[self.layout.conditioning_position] * len(conditioning)
            + [position for _, position in tracked],
            pointer_places=[place for _, place in pointers],
            pointer_distances=[now - frame for frame, _ in pointers],
        )

    def remember(self, facts: FrameFacts) -> tuple[MemoryBank, RememberedFrame]:
        """Add the next frame, which was tracked; return the new bank and where the frame goes."""
        bank = self._next()
        added = bank._placed(bank.frame, facts)
        return bank._with_tracked(added, facts), added

    def condition(self) -> tuple[MemoryBank, RememberedFrame]:
        """Add the next frame, which was prompted; return the new bank and where it goes."""
        bank = self._next()
        added = bank._placed(bank.frame, _PROMPTED)
        return bank._with_conditioning(added), added

    def condition_at(self, frame: int) -> tuple[MemoryBank, RememberedFrame]:
        """Add a prompted frame before the first or after the newest one."""
        added = self._placed(frame, _PROMPTED)
        return self._with_conditioning(added), added

    def skip(self) -> MemoryBank:
        """Return the bank at the next frame, a conditioning frame that it already has."""
        return self._next()

    def correct(self, facts: FrameFacts) -> tuple[MemoryBank, RememberedFrame]:
        """
        Replace the newest frame, which was prompted; return the new bank and where it goes.

        The frame becomes a conditioning one if ``corrections_condition`` is set, and else stays
        what it was.
        """
        if not self.tracked or self.tracked[-1].frame != self.frame:
            return self, self.conditioning[-1]
        if not self.settings.corrections_condition:
            return self.revise(facts)
        bank, added = self._without_newest(facts)
        return bank._with_conditioning(added), added

    def revise(self, facts: FrameFacts) -> tuple[MemoryBank, RememberedFrame]:
        """Replace the newest frame, which was tracked; return the new bank and where it goes."""
        bank, added = self._without_newest(facts)
        return bank._with_tracked(added, facts), added

    def forget_tracking(self) -> MemoryBank:
        """Return the bank with the conditioning frames alone."""
        rule = MemoryBank.empty(self.settings, self.layout).rule
        return replace(self, rule=rule, rule_before=rule, tracked=(), recent=())

    def _next(self) -> MemoryBank:
        """Return the bank at the next frame, without what will not be read from there on."""
        newest = self.frame + 1
        return replace(
            self,
            frame=newest,
            rule_before=self.rule,
            tracked=self.rule.keep(self.tracked, newest),
            recent=tuple(
                (frame, place)
                for frame, place in self.recent
                if newest - frame <= self.layout.recent_pointers
            ),
        )

    def _without_newest(self, facts: FrameFacts) -> tuple[MemoryBank, RememberedFrame]:
        """Return the bank before its newest frame was added, and that frame with other facts."""
        added = replace(self.tracked[-1], facts=replace(facts, shapes=None))
        bank = replace(
            self,
            rule=self.rule_before,
            tracked=self.tracked[:-1],
            recent=tuple(each for each in self.recent if each[0] != self.frame),
        )
        return bank, added

    def _placed(self, frame: int, facts: FrameFacts) -> RememberedFrame:
        """Return a frame at places that are free."""
        memories = {each.memory for each in (*self.conditioning, *self.tracked)}
        pointers = {each.pointer for each in self.conditioning}
        if self.rule.keeps_pointers:
            pointers.update(each.pointer for each in self.tracked)
        pointers.update(place for _, place in self.recent)
        memory = next(place for place in range(self.memory_places) if place not in memories)
        pointer = next(place for place in range(self.pointer_places) if place not in pointers)
        return RememberedFrame(frame, replace(facts, shapes=None), memory, pointer)

    def _with_tracked(self, added: RememberedFrame, facts: FrameFacts) -> MemoryBank:
        recent = self.recent
        if self.rule.reads_pointer(facts):
            recent = ((added.frame, added.pointer), *recent)
        return replace(
            self,
            rule=self.rule_before.after(added.frame, facts),
            tracked=(*self.tracked, added),
            recent=recent,
        )

    def _with_conditioning(self, added: RememberedFrame) -> MemoryBank:
        conditioning = (*self.conditioning, added)
        if len(conditioning) > self.settings.conditioning_memories:
            conditioning = (conditioning[0], *conditioning[2:])
        return replace(self, conditioning=conditioning)
