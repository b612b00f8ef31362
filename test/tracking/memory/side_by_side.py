# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A memory bank beside a statement of its rule that keeps everything."""

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.bank import MemoryBank

LAYOUT = MemoryLayout(tokens=1, channels=1, pointer_channels=1)


class Pair:
    """
    A bank and the unbounded scan beside it, and what would lie in the store.

    A scan has the number of its newest ``frame``, the numbers of the ``prompted`` ones, the facts
    of the ``tracked`` ones, and ``recall(now)``: frames, positions and distances of pointers.
    """

    def __init__(self, settings, scan, layout=LAYOUT):
        self.bank, self.scan = MemoryBank.empty(settings, layout), scan
        self.memories, self.pointers = {}, {}

    def remember_all(self, *facts):
        """Prompt frame 0, track the following ones, and return the pair."""
        self.condition()
        for each in facts:
            self.remember(each)
        return self

    def read(self):
        """Return the frames that are read on the next one."""
        return [self.memories[place] for place in self.bank.read().places]

    def put(self, change):
        self.bank, added = change
        self.memories[added.memory] = self.bank.frame
        self.pointers[added.pointer] = self.bank.frame

    def remember(self, scores):
        self.scan.frame += 1
        self.scan.tracked[self.scan.frame] = scores
        self.put(self.bank.remember(scores))

    def condition(self):
        self.scan.frame += 1
        self.scan.prompted.add(self.scan.frame)
        self.put(self.bank.condition())

    def correct(self, scores):
        frame = self.scan.frame
        if frame not in self.scan.prompted:
            if self.bank.settings.corrections_condition:
                del self.scan.tracked[frame]
                self.scan.prompted.add(frame)
            else:
                self.scan.tracked[frame] = scores
        self.put(self.bank.correct(scores))

    def check(self, may_correct):
        for correcting in (False, True) if may_correct else (False,):
            now = self.bank.frame if correcting else self.bank.frame + 1
            found, expected = self.bank.read(correcting), self.scan.recall(now)
            if expected is None:
                assert found is None
                continue
            frames, positions, distances = expected
            assert found.positions == positions
            assert found.pointer_distances == distances
            # What is stored at the places are these frames.
            assert [self.memories[place] for place in found.places] == frames
            assert [now - self.pointers[place] for place in found.pointer_places] == distances
            assert found.layout == (len(frames), len(distances))
