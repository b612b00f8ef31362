# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The distractor-aware rule beside a plain statement that keeps every frame for ever."""

from dataclasses import replace
import math
from statistics import median

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import pytest

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.api import FrameFacts
from sam_tracker.tracking.settings import TrackerSettings

from .side_by_side import LAYOUT, Pair

SETTINGS = TrackerSettings(memory_rule='dam')


class Shapes:
    """The shapes of candidates, as far as the rule reads them."""

    def __init__(self, box_agreement):
        self.box_agreement = box_agreement


def seen(area=100.0, affinity=0.9, box_agreement=1.0, growth=1.0):
    return FrameFacts(affinity, 5.0, None, area, Shapes(box_agreement), growth)


PLAIN = seen()
DISTRACTOR = seen(box_agreement=0.5)
GONE = FrameFacts(0.9, -5.0, None, 0.0, Shapes(1.0))


class EverythingKept:
    """The rule in the words of the paper, on all frames since the first prompt."""

    def __init__(self, settings, layout=LAYOUT):
        self.settings, self.layout = settings, layout
        self.prompted, self.tracked, self.frame = set(), {}, -1

    def anchors(self, now):
        """All frames before ``now`` that were added to the distractor memory."""
        added = []
        for frame in range(now):
            facts = self.tracked.get(frame)
            if facts is None or facts.affinity <= 0.8 or facts.area == 0 or self.has_spread(frame):
                continue
            areas = [
                self.tracked[other].area
                for other in range(max(frame - 299, 0), frame + 1)
                if other in self.tracked and self.tracked[other].area > 0
            ]
            ratio = facts.area / median(areas[-10:])
            if len(areas) < 2 or not 0.8 <= ratio <= 1.2:
                continue
            if added and frame - added[-1] <= 5:
                continue
            if facts.shapes.box_agreement <= 0.7:
                added.append(frame)
        return added

    def recall(self, now):
        prompted = sorted(frame for frame in self.prompted if frame < now)
        if not prompted:
            return None
        most = self.settings.conditioning_memories - 1
        prompted = prompted[:1] + prompted[1:][-most:]
        anchors = self.anchors(now)
        at_most = min(3, self.layout.recent_memories // 2)
        read = [frame for frame in anchors if frame < now - 1]
        read = read[len(read) - at_most :] if len(read) > at_most else read
        recent = self.recent(now, anchors, self.layout.recent_memories - len(read))
        lasting = prompted + read
        pointers = lasting + [
            now - back
            for back in range(1, self.layout.recent_pointers + 1)
            if self.has_mask(now - back) and now - back not in lasting
        ]
        return (
            lasting + recent[::-1],
            [self.layout.conditioning_position] * len(lasting)
            + list(range(len(recent) - 1, -1, -1)),
            [now - frame for frame in pointers],
        )

    def recent(self, now, anchors, slots):
        """Fill the slots one after the other, newest first, by walking back."""
        found = []
        frame = now - 1
        if not self.has_mask(frame):
            while frame >= 0 and not (self.has_mask(frame) and frame not in anchors):
                frame -= 1
        while frame >= 0 and len(found) < slots:
            found.append(frame)
            frame = (frame - 1) // 5 * 5
            while frame >= 0 and (
                not self.has_mask(frame) or frame in anchors or self.has_spread(frame)
            ):
                frame -= 5
        return found

    def has_mask(self, frame):
        return frame in self.tracked and self.tracked[frame].area > 0

    def has_spread(self, frame):
        return self.tracked[frame].growth > self.settings.memory_growth


facts = st.builds(
    seen,
    st.sampled_from([0.0, 100.0, 100.0, 100.0, 115.0, 125.0, 300.0]),
    st.sampled_from([0.5, 0.8, 0.9, 0.9]),
    st.sampled_from([0.5, 0.7, 0.71, 1.0]),
    st.sampled_from([0.9, 1.0, 1.15, 1.3]),
)
events = st.lists(
    st.one_of(
        st.tuples(st.just('remember'), facts),
        st.tuples(st.just('remember'), st.just(DISTRACTOR)),
        st.tuples(st.just('several'), st.tuples(st.sampled_from([PLAIN, DISTRACTOR, GONE]))),
        st.tuples(st.just('correct'), facts),
        st.tuples(st.just('condition'), facts),
    ),
    max_size=60,
)


@pytest.mark.parametrize('recent_memories', [6, 3, 1])
@pytest.mark.parametrize('corrections_condition', [True, False])
@given(events=events, kept=st.sampled_from([2, 4, 100]), growth=st.sampled_from([1.15, math.inf]))
@hypothesis_settings(deadline=None, max_examples=60)
def test_the_bounded_bank_reads_what_the_rule_reads_of_everything(
    recent_memories, corrections_condition, events, kept, growth
):
    settings = TrackerSettings(
        memory_rule='dam',
        memory_growth=growth,
        corrections_condition=corrections_condition,
        conditioning_memories=kept,
    )
    layout = MemoryLayout(1, 1, 1, recent_memories=recent_memories)
    pair = Pair(settings, EverythingKept(settings, layout), layout)
    pair.condition()
    for kind, value in events:
        if kind == 'remember':
            pair.remember(value)
        elif kind == 'several':
            for _ in range(7):
                pair.remember(*value)
        elif kind == 'correct':
            pair.correct(value)
        else:
            pair.condition()
        pair.check(may_correct=kept == 100 or kind in ('remember', 'several'))


def remembering(*facts):
    return Pair(SETTINGS, EverythingKept(SETTINGS)).remember_all(*facts)


def test_recent_frames_are_read_at_a_stride_and_the_last_one():
    assert remembering(*[PLAIN] * 32).read() == [0, 10, 15, 20, 25, 30, 32]


def test_anchors_are_read_as_prompts_are_however_old_they_are():
    pair = remembering(*[PLAIN] * 11, DISTRACTOR, *[PLAIN] * 5000)
    reading = pair.bank.read()
    assert pair.read()[:2] == [0, 12]
    assert reading.positions[:2] == [LAYOUT.conditioning_position] * 2
    assert [pair.pointers[place] for place in reading.pointer_places[:2]] == [0, 12]
    assert reading.layout == (7, 17)


def test_the_newest_anchors_replace_older_ones_and_the_first_prompt_stays():
    pair = remembering(*([DISTRACTOR] + [PLAIN] * 9) * 500)
    assert pair.read()[:4] == [0, 4971, 4981, 4991]
    assert len(pair.bank.tracked) <= pair.bank.rule.capacity + 1


def test_frames_without_the_object_are_never_read():
    pair = remembering(*[PLAIN] * 20, *[GONE] * 3000)
    assert pair.read() == [0, 5, 10, 15, 20]
    assert pair.bank.read().pointer_distances == [3021]


@pytest.mark.parametrize(
    'doubtful',
    [
        seen(affinity=0.8, box_agreement=0.5),
        seen(area=79.0, box_agreement=0.5),
        seen(area=121.0, box_agreement=0.5),
        seen(box_agreement=0.71),
    ],
)
def test_a_doubtful_frame_is_no_anchor(doubtful):
    pair = remembering(*[PLAIN] * 10, doubtful)
    assert pair.bank.rule.anchors == ()
    pair.remember(DISTRACTOR)
    assert pair.bank.rule.anchors == (12,)


def test_a_mask_that_has_spread_is_read_as_the_newest_one_only_and_is_no_anchor():
    settings = replace(SETTINGS, memory_growth=1.15)
    pair = Pair(settings, EverythingKept(settings)).remember_all(
        *[PLAIN] * 14, seen(box_agreement=0.5, growth=1.2)
    )
    assert pair.read() == [0, 5, 10, 15]
    for _ in range(6):
        pair.remember(PLAIN)
    assert pair.read() == [0, 5, 10, 20, 21]


def test_anchors_are_more_than_five_frames_apart():
    pair = remembering(*[DISTRACTOR] * 30)
    assert pair.bank.rule.anchors == (2, 8, 14, 20, 26)


def test_after_forgetting_nothing_of_the_anchors_is_left():
    pair = remembering(*[PLAIN] * 10, DISTRACTOR, *[PLAIN] * 10)
    pair.bank = pair.bank.forget_tracking()
    pair.condition()
    assert pair.read() == [0, 22]


def test_places_never_run_out():
    pair = remembering()
    for frame in range(500):
        if frame % 35 == 0:
            pair.correct(DISTRACTOR)
        if frame % 61 == 0:
            pair.condition()
        else:
            pair.remember((DISTRACTOR, PLAIN, GONE)[frame % 7 % 3])
    assert max(pair.memories) < pair.bank.memory_places
    assert max(pair.pointers) < pair.bank.pointer_places
