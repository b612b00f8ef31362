# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import pytest

from sam_tracker.tracking.memory.api import FrameFacts
from sam_tracker.tracking.memory.bank import MemoryBank
from sam_tracker.tracking.settings import TrackerSettings

from .side_by_side import LAYOUT, Pair

SETTINGS = TrackerSettings(memory_growth=1.15)
GOOD = FrameFacts(0.9, 5.0, None)
POOR = FrameFacts(0.2, 5.0, None)


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
            and scores.growth <= self.settings.memory_growth
        )


scores = st.builds(
    FrameFacts,
    st.sampled_from([0.2, 0.5, 0.6, 0.9]),
    st.sampled_from([-2.0, 0.0, 0.1, 6.0]),
    st.sampled_from([None, None, 0.0, 0.3]),
    growth=st.sampled_from([0.5, 1.0, 1.15, 1.2]),
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
    pair = Pair(settings, Unbounded(settings))
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


def remembering(*facts, settings=SETTINGS):
    """Return a pair whose object was prompted on frame 0 and tracked on the following ones."""
    return Pair(settings, Unbounded(settings)).remember_all(*facts)


def test_nothing_is_read_before_anything_is_remembered():
    assert MemoryBank.empty(SETTINGS, LAYOUT).read() is None


def test_the_frame_after_the_prompt_is_read_only_as_the_last_one():
    pair = remembering()
    for expected in ([0], [0, 1], [0, 2], [0, 2, 3], [0, 2, 3, 4]):
        assert pair.read() == expected
        pair.remember(GOOD)


def test_a_poor_frame_is_read_once_and_then_forgotten():
    pair = remembering(*[GOOD] * 9, POOR)
    assert pair.read() == [0, 5, 6, 7, 8, 9, 10]
    pair.remember(GOOD)
    assert pair.read() == [0, 5, 6, 7, 8, 9, 11]
    assert pair.bank.read().positions == [6, 5, 4, 3, 2, 1, 0]


def test_good_frames_are_kept_through_a_long_absence():
    pair = remembering(*[GOOD] * 20, *[POOR] * 5000)
    assert pair.read() == [0, 16, 17, 18, 19, 20, 5020]


def test_the_first_prompt_is_kept_and_the_newest_few():
    pair = remembering(settings=replace(SETTINGS, conditioning_memories=3))
    for _ in range(5):
        pair.condition()
    assert pair.read() == [0, 4, 5]


def test_places_never_run_out():
    pair = remembering()
    for frame in range(500):
        if frame % 5 == 0:
            pair.correct(GOOD)
        if frame % 11 == 0:
            pair.condition()
        else:
            pair.remember(GOOD)
    assert max(pair.memories) < pair.bank.memory_places
    assert max(pair.pointers) < pair.bank.pointer_places


def test_after_forgetting_only_the_prompted_frames_are_read():
    pair = remembering(*[GOOD] * 30)
    pair.bank = pair.bank.forget_tracking()
    pair.condition()
    assert pair.read() == [0, 31]
    for _ in range(30):
        pair.remember(GOOD)
    assert pair.bank.read().layout == (8, 17)


def test_a_bank_is_left_as_it_is_by_what_comes_after():
    pair = remembering(*[GOOD] * 8)
    before, reading = pair.bank, pair.bank.read()
    pair.correct(POOR)
    pair.remember(GOOD)
    pair.condition()
    assert before.read() == reading
