# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import pytest

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.bank import (
    MemoryBank,
    Scores,
    memory_places,
    pointer_places,
)
from sam_tracker.tracking.settings import TrackerSettings

SETTINGS = TrackerSettings()
LAYOUT = MemoryLayout(tokens=1, channels=1, pointer_channels=1)
GOOD = Scores(0.9, 5.0, None)
POOR = Scores(0.2, 5.0, None)


class Unbounded:
    """Keeps every frame and scans all of them, as the released code does for one prompt."""

    def __init__(self, settings):
        self.settings = settings
        self.prompted = set()
        self.tracked = {}
        self.frame = -1

    def recall(self, now):
        conditioning = sorted(frame for frame in self.prompted if frame < now)
        if not conditioning:
            return None
        kept = self.settings.conditioning_memories - 1
        conditioning = conditioning[:1] + conditioning[1:][-kept:]
        if self.settings.memory_rule == 'samurai':
            recent = self.scan(now)
        else:
            recent = [(now - back, back - 1) for back in range(6, 0, -1)]
        recent = [(frame, rank) for frame, rank in recent if frame in self.tracked]
        pointers = conditioning + [
            now - back for back in range(1, 16) if now - back in self.tracked
        ]
        return (
            conditioning + [frame for frame, _ in recent],
            [LAYOUT.conditioning_position] * len(conditioning) + [rank for _, rank in recent],
            [now - frame for frame in pointers],
        )

    def scan(self, now):
        valid = []
        for frame in range(now - 1, 1, -1):
            if frame in self.tracked and self.worthy(self.tracked[frame]):
                valid.insert(0, frame)
        if now - 1 not in valid:
            valid.append(now - 1)
        chosen = valid[-6:]
        return [(frame, len(chosen) - 1 - index) for index, frame in enumerate(chosen)]

    def worthy(self, scores):
        return (
            scores.affinity > self.settings.memory_affinity
            and scores.object_logit > self.settings.memory_object_logit
            and (
                scores.motion_score is None
                or scores.motion_score > self.settings.memory_motion_score
            )
        )


class Pair:
    """A bank and the unbounded scan beside it, and what would lie in the store."""

    def __init__(self, settings):
        self.bank, self.scan = MemoryBank(settings, LAYOUT), Unbounded(settings)
        self.memories, self.pointers = {}, {}

    def put(self, places):
        self.memories[places.memory] = self.bank.frame
        self.pointers[places.pointer] = self.bank.frame

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
            found, expected = self.bank.recall(correcting), self.scan.recall(now)
            if expected is None:
                assert found is None
                continue
            frames, positions, distances = expected
            assert found.frames == frames
            assert found.positions == positions
            assert found.pointer_distances == distances
            # What lies at the places is what the books say.
            assert [self.memories[place] for place in found.places] == frames
            assert [now - self.pointers[place] for place in found.pointer_places] == distances
            assert found.layout == (len(frames), len(distances))


scores = st.builds(
    Scores,
    st.sampled_from([0.2, 0.5, 0.6, 0.9]),
    st.sampled_from([-2.0, 0.0, 0.1, 6.0]),
    st.sampled_from([None, None, 0.0, 0.3]),
)
events = st.lists(
    st.one_of(
        st.tuples(st.just('remember'), scores),
        st.tuples(st.just('remember'), st.just(GOOD)),
        st.tuples(st.just('correct'), scores),
        st.tuples(st.just('condition'), scores),
    ),
    max_size=60,
)


@pytest.mark.parametrize('motion_aware', [True, False])
@pytest.mark.parametrize('corrections_condition', [True, False])
@given(events=events, kept=st.sampled_from([2, 3, 4, 100]))
@hypothesis_settings(deadline=None, max_examples=150)
def test_the_bounded_bank_reads_what_an_unbounded_scan_reads(
    motion_aware, corrections_condition, events, kept
):
    settings = TrackerSettings(
        memory_rule='samurai' if motion_aware else 'sam2',
        corrections_condition=corrections_condition,
        conditioning_memories=kept,
    )
    pair = Pair(settings)
    pair.condition()
    for kind, value in events:
        if kind == 'remember':
            pair.remember(value)
        elif kind == 'correct':
            pair.correct(value)
        else:
            pair.condition()
        # Correcting the frame that pushed a conditioning memory out, that one is gone.
        pair.check(may_correct=kept == 100 or kind == 'remember')


def test_nothing_is_read_before_anything_is_remembered():
    assert MemoryBank(SETTINGS, LAYOUT).recall() is None


def test_the_frame_after_the_prompt_is_read_only_as_the_last_one():
    bank = MemoryBank(SETTINGS, LAYOUT)
    bank.condition()
    for expected in ([0], [0, 1], [0, 2], [0, 2, 3], [0, 2, 3, 4]):
        assert bank.recall().frames == expected
        bank.remember(GOOD)


def test_a_poor_frame_is_read_once_and_then_forgotten():
    bank = MemoryBank(SETTINGS, LAYOUT)
    bank.condition()
    for _ in range(9):
        bank.remember(GOOD)
    bank.remember(POOR)
    assert bank.recall().frames == [0, 5, 6, 7, 8, 9, 10]
    bank.remember(GOOD)
    recollection = bank.recall()
    assert recollection.frames == [0, 5, 6, 7, 8, 9, 11]
    assert recollection.positions == [6, 5, 4, 3, 2, 1, 0]


def test_good_frames_are_kept_through_a_long_absence():
    bank = MemoryBank(SETTINGS, LAYOUT)
    bank.condition()
    for _ in range(20):
        bank.remember(GOOD)
    for _ in range(5000):
        bank.remember(POOR)
    assert bank.recall().frames == [0, 16, 17, 18, 19, 20, 5020]


def test_the_first_prompt_is_kept_and_the_newest_few():
    bank = MemoryBank(replace(SETTINGS, conditioning_memories=3), LAYOUT)
    for _ in range(6):
        bank.condition()
    assert bank.recall().frames == [0, 4, 5]


def test_places_never_run_out():
    bank = MemoryBank(SETTINGS, LAYOUT)
    memories, pointers = set(), set()
    bank.condition()
    for frame in range(500):
        if frame % 5 == 0:
            bank.correct(GOOD)
        places = bank.condition() if frame % 11 == 0 else bank.remember(GOOD)
        memories.add(places.memory)
        pointers.add(places.pointer)
    assert len(memories) <= memory_places(SETTINGS, LAYOUT)
    assert len(pointers) <= pointer_places(SETTINGS, LAYOUT)


def test_after_forgetting_only_the_prompted_frames_are_read():
    bank = MemoryBank(SETTINGS, LAYOUT)
    bank.condition()
    for _ in range(30):
        bank.remember(GOOD)
    bank.forget_tracking()
    bank.condition()
    assert bank.recall().frames == [0, 31]
    for _ in range(30):
        bank.remember(GOOD)
    assert bank.recall().layout == (8, 17)
