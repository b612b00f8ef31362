# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.core.boxes import box_iou
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.tracking.motion.mask_selector import USUAL_STEPS, Choice, MaskSelector
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
    selector = MaskSelector(settings)
    for _ in range(count):
        selector = selector.predict(1.0).update(choice(0.9))
    return selector


def test_the_network_decides_alone_until_the_motion_is_stable():
    for count in range(SETTINGS.stable_frames):
        taken = confirmed(count).choose(np.array([0.6, 0.7]), np.array([HERE, THERE]))
        assert (taken.index, taken.motion_score) == (1, None)


def test_a_stable_motion_outvotes_a_slightly_better_look_alike():
    selector = confirmed(SETTINGS.stable_frames).predict(1.0)
    taken = selector.choose(np.array([0.6, 0.7]), np.array([HERE, THERE]))
    assert taken.index == 0
    assert taken.affinity == 0.6
    assert taken.motion_score > 0.95


def test_a_much_better_mask_outvotes_the_motion():
    selector = confirmed(SETTINGS.stable_frames).predict(1.0)
    taken = selector.choose(np.array([0.5, 0.95]), np.array([HERE, THERE]))
    assert (taken.index, taken.motion_score) == (1, 0)


def test_the_weight_decides_how_much_motion_counts():
    selector = confirmed(20, replace(SETTINGS, motion_weight=0.0)).predict(1.0)
    assert selector.choose(np.array([0.6, 0.61]), np.array([HERE, THERE])).index == 1


def test_a_poor_mask_ends_the_trust_and_the_next_one_starts_it_again():
    selector = confirmed(20).predict(1.0).update(choice(0.29))
    assert selector.confirmed == 0 and selector.motion is not None
    selector = selector.predict(1.0).update(choice(0.1, THERE))
    assert selector.confirmed == 1
    np.testing.assert_allclose(selector.motion.box, THERE)


def test_the_threshold_itself_is_a_miss_before_stability_and_a_hit_after():
    young, old = (
        confirmed(count).predict(1.0).update(choice(SETTINGS.stable_affinity)) for count in (3, 20)
    )
    assert young.confirmed == 0
    assert old.stable


def test_an_empty_mask_does_not_move_the_filter():
    expecting = confirmed(20).predict(1.0)
    selector = expecting.update(choice(0.9, EMPTY))
    np.testing.assert_array_equal(selector.motion.box, expecting.expected_box)
    assert selector.stable


def test_an_empty_mask_starts_no_filter():
    selector = MaskSelector(SETTINGS).update(choice(0.9, EMPTY))
    assert selector.motion is None and selector.confirmed == 0


def test_an_empty_mask_pulls_the_filter_to_the_corner_where_the_released_code_is_asked_for():
    selector = confirmed(20, SETTINGS.in_mode('samurai_released'))
    for _ in range(5):
        selector = selector.predict(1.0).update(choice(0.9, EMPTY))
    assert np.abs(selector.motion.mean[:2]).max() < 5


def test_a_long_gap_starts_the_motion_anew():
    selector = confirmed(20)
    assert selector.predict(SETTINGS.longest_step).expected_box is not None
    after = selector.predict(SETTINGS.longest_step + 0.1)
    assert after.expected_box is None and not after.stable


def test_in_a_slow_stream_a_gap_is_many_times_longer_than_a_step():
    step = 2 * SETTINGS.longest_step
    selector = MaskSelector(SETTINGS)
    for _ in range(SETTINGS.stable_frames + 1):
        selector = selector.predict(step).update(choice(0.9))
    assert selector.stable
    assert selector.predict(USUAL_STEPS * step).stable
    assert selector.predict(USUAL_STEPS * step + 1).motion is None


def test_an_estimate_is_left_as_it_is_by_what_comes_after():
    selector = confirmed(20)
    box, confirmations = selector.motion.box.copy(), selector.confirmed
    selector.predict(1.0).update(choice(0.9, THERE))
    selector.predict(5.0)
    selector.restart()
    np.testing.assert_array_equal(selector.motion.box, box)
    assert selector.confirmed == confirmations


def test_without_a_motion_model_affinity_decides_for_ever():
    selector = confirmed(60, SETTINGS.in_mode('sam2')).predict(1.0)
    assert selector.expected_box is None
    assert selector.choose(np.array([0.6, 0.61]), np.array([HERE, THERE])).index == 1


@given(frames)
@hypothesis_settings(deadline=None)
def test_stability_counts_the_confirmed_frames_since_the_last_miss(frames):
    selector = MaskSelector(SETTINGS)
    for value, box in frames:
        before, started = selector.confirmed, selector.motion is not None
        selector = selector.predict(1.0).update(choice(value, box))
        assert 0 <= selector.confirmed <= SETTINGS.stable_frames
        assert selector.confirmed <= before + 1
        assert (selector.motion is not None) >= started
        assert selector.motion is None or np.isfinite(selector.motion.box).all()


@given(st.lists(st.tuples(affinity, box), min_size=1, max_size=4), st.booleans())
@hypothesis_settings(deadline=None)
def test_no_other_candidate_would_have_scored_higher(candidates, stable):
    selector = confirmed(SETTINGS.stable_frames if stable else 2).predict(1.0)
    expected = selector.expected_box
    affinities = np.array([value for value, _ in candidates])
    boxes = np.array([box for _, box in candidates])
    taken = selector.choose(affinities, boxes)
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
        ('motion_model', 'kalmann'),
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


def test_an_unknown_mode_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="released, dam, samurai_dam, sam2, not 'sam3'"):
        SETTINGS.in_mode('sam3')


def suited(name):
    return configuration_named(name).suited_settings


def test_the_large_network_has_its_own_motion_weight():
    assert TrackerSettings.for_network(suited('large')).motion_weight == 0.15
    assert TrackerSettings.for_network(suited('tiny')).motion_weight == 0.25


def test_the_bundled_network_has_its_own_presence_threshold():
    assert TrackerSettings.for_network(suited('nano')).presence_logit == 0
    assert TrackerSettings.for_network(suited('tiny')).presence_logit == -1
    assert (
        TrackerSettings.for_network(suited('nano')).in_mode('samurai_released').presence_logit
        == -1
    )
