# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.boxes import box_iou
from sam_tracker.tracking.motion.selection import Choice, Motion
from sam_tracker.tracking.settings import TrackerSettings

SETTINGS = TrackerSettings()
HERE = np.array([40.0, 40, 79, 79])
THERE = np.array([150.0, 40, 189, 79])
EMPTY = np.zeros(4)

affinity = st.floats(0, 1, width=32)
box = st.sampled_from([HERE, HERE + 5, THERE, EMPTY])
frames = st.lists(st.tuples(affinity, box), max_size=60)


def choice(affinity, box=HERE, score=None):
    return Choice(0, affinity, box, score)


def confirmed(count, settings=SETTINGS):
    motion = Motion(settings)
    for _ in range(count):
        motion.predict(1.0)
        motion.learn(choice(0.9))
    return motion


def test_the_network_decides_alone_until_the_motion_is_stable():
    for count in range(SETTINGS.stable_frames):
        taken = confirmed(count).choose(np.array([0.6, 0.7]), np.array([HERE, THERE]))
        assert (taken.index, taken.motion_score) == (1, None)


def test_a_stable_motion_outvotes_a_slightly_better_look_alike():
    motion = confirmed(SETTINGS.stable_frames)
    motion.predict(1.0)
    taken = motion.choose(np.array([0.6, 0.7]), np.array([HERE, THERE]))
    assert taken.index == 0
    assert taken.affinity == 0.6
    assert taken.motion_score > 0.95


def test_a_much_better_mask_outvotes_the_motion():
    motion = confirmed(SETTINGS.stable_frames)
    motion.predict(1.0)
    taken = motion.choose(np.array([0.5, 0.95]), np.array([HERE, THERE]))
    assert (taken.index, taken.motion_score) == (1, 0)


def test_the_weight_decides_how_much_motion_counts():
    motion = confirmed(20, replace(SETTINGS, motion_weight=0.0))
    motion.predict(1.0)
    assert motion.choose(np.array([0.6, 0.61]), np.array([HERE, THERE])).index == 1


def test_a_poor_mask_ends_the_trust_and_the_next_one_starts_it_again():
    motion = confirmed(20)
    motion.predict(1.0)
    motion.learn(choice(0.29))
    assert motion.confirmed == 0 and motion.filter.started
    motion.predict(1.0)
    motion.learn(choice(0.1, THERE))
    assert motion.confirmed == 1
    np.testing.assert_allclose(motion.filter.box, THERE)


def test_the_threshold_itself_is_a_miss_before_stability_and_a_hit_after():
    young, old = confirmed(3), confirmed(20)
    for motion in (young, old):
        motion.predict(1.0)
        motion.learn(choice(SETTINGS.stable_affinity))
    assert young.confirmed == 0
    assert old.stable


def test_an_empty_mask_does_not_move_the_filter():
    motion = confirmed(20)
    expected = motion.predict(1.0)
    motion.learn(choice(0.9, EMPTY))
    np.testing.assert_array_equal(motion.filter.box, expected)
    assert motion.stable


def test_an_empty_mask_starts_no_filter():
    motion = Motion(SETTINGS)
    motion.learn(choice(0.9, EMPTY))
    assert not motion.filter.started and motion.confirmed == 0


def test_an_empty_mask_pulls_the_filter_to_the_corner_where_the_released_code_is_asked_for():
    motion = confirmed(20, SETTINGS.released())
    for _ in range(5):
        motion.predict(1.0)
        motion.learn(choice(0.9, EMPTY))
    assert np.abs(motion.filter.mean[:2]).max() < 5


def test_a_long_gap_starts_the_motion_anew():
    motion = confirmed(20)
    assert motion.predict(SETTINGS.longest_step) is not None
    assert motion.predict(SETTINGS.longest_step + 0.1) is None
    assert not motion.stable


@given(frames)
@hypothesis_settings(deadline=None)
def test_stability_counts_the_confirmed_frames_since_the_last_miss(frames):
    motion = Motion(SETTINGS)
    for value, box in frames:
        before, started = motion.confirmed, motion.filter.started
        motion.predict(1.0)
        motion.learn(choice(value, box))
        assert 0 <= motion.confirmed <= SETTINGS.stable_frames
        assert motion.confirmed <= before + 1
        assert motion.filter.started >= started
        assert np.isfinite(motion.filter.box).all() if motion.filter.started else True


@given(st.lists(st.tuples(affinity, box), min_size=1, max_size=4), st.booleans())
@hypothesis_settings(deadline=None)
def test_no_other_candidate_would_have_scored_higher(candidates, stable):
    motion = confirmed(SETTINGS.stable_frames if stable else 2)
    expected = motion.predict(1.0)
    affinities = np.array([value for value, _ in candidates])
    boxes = np.array([box for _, box in candidates])
    taken = motion.choose(affinities, boxes)
    weight = SETTINGS.motion_weight if stable else 0.0
    scores = [
        weight * box_iou(expected, box) + (1 - weight) * value
        for value, box in zip(affinities, boxes, strict=True)
    ]
    assert scores[taken.index] == pytest.approx(max(scores))
    assert taken.affinity == affinities[taken.index]
    if stable:
        assert taken.motion_score == pytest.approx(box_iou(expected, boxes[taken.index]))
    else:
        assert taken.motion_score is None


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('motion_weight', 1.5),
        ('stable_frames', 0),
        ('frame_period', 0),
        ('conditioning_memories', 1),
        ('maximum_objects', 70000),
        ('lost_after', -1),
        ('memory_affinity', float('nan')),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name_and_value(name, value):
    with pytest.raises(ValueError, match=name) as caught:
        TrackerSettings(**{name: value})
    assert repr(value) in str(caught.value)


def test_the_large_network_has_its_own_motion_weight():
    assert TrackerSettings.for_network('large').motion_weight == 0.15
    assert TrackerSettings.for_network('tiny').motion_weight == 0.25


def test_the_bundled_network_has_its_own_presence_threshold():
    assert TrackerSettings.for_network('nano').presence_logit == 0
    assert TrackerSettings.for_network('tiny').presence_logit == -1
    assert TrackerSettings.for_network('nano').released().presence_logit == -1
