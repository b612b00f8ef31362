# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What detections do to tracked objects."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.association.appearance import similarity
from sam_tracker.association.associator import Associator
from sam_tracker.association.outcome import Effect
from sam_tracker.association.settings import AssociationSettings
from sam_tracker.association.tentative_objects import MOST
from sam_tracker.core.time import SECOND

from .conftest import PERIOD, detections, objects, one_colour

LEFT, RIGHT, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 0, 240, 40)
ALL = AssociationSettings(new_objects=True, find_again=True, correct=True)
RED, BLUE = one_colour(48), one_colour(3)


def nothing(_box):
    return None


def red(_box):
    return RED


class Run:
    """Feeds an associator images and collects what it asks for."""

    def __init__(self, given=ALL) -> None:
        self.associator = Associator(given)
        self.number = 0
        self.effects = []

    def image(self, found, boxes_by_id, colours=nothing, **fields):
        self.number += 1
        scene = objects(self.number * PERIOD, boxes_by_id, **fields)
        self.associator.retain(scene.ids, scene.stamp)
        outcome = self.associator.associate(found, scene, colours)
        self.effects += [(self.number, each.effect, each.object_id) for each in outcome.actions]
        return outcome


def test_each_detection_goes_to_the_object_that_it_overlaps_most():
    outcome = Run().image(detections(RIGHT, (3, 0, 43, 40), FAR), {7: LEFT, 9: RIGHT})
    assert outcome.matches == {7: 1, 9: 0}
    assert outcome.unmatched == 1


def test_pairs_are_chosen_together_and_not_one_by_one():
    # Both objects overlap the first detection most; only one of them overlaps the second.
    first, second = (10, 0, 50, 40), (26, 0, 66, 40)
    outcome = Run().image(detections(first, second), {1: (8, 0, 48, 40), 2: (18, 0, 58, 40)})
    assert outcome.matches == {1: 0, 2: 1}


def test_masks_decide_where_boxes_lie_alike():
    scene = objects(PERIOD, {1: (0, 0, 64, 64), 2: (0, 0, 64, 64)})
    # Object 1 fills the left half of the box that both have, object 2 the right half.
    half = np.zeros((2, 17, 17))
    columns, rows = np.meshgrid(np.arange(17), np.arange(17))
    half[0] = np.minimum(columns / 8, 1) * rows / 16
    half[1] = np.maximum((columns - 8) / 8, 0) * rows / 16
    scene = replace(scene, masks=half)
    found = detections((32, 0, 64, 64), (0, 0, 32, 64))
    outcome = Associator(ALL).associate(found, scene, nothing)
    assert outcome.matches == {1: 1, 2: 0}


@pytest.mark.parametrize(
    ('by_label', 'labels', 'matched'),
    [(True, ['cup'], False), (False, ['cup'], True), (True, [''], True)],
)
def test_labels_bar_a_match_where_both_have_one(by_label, labels, matched):
    run = Run(replace(ALL, by_label=by_label))
    assert bool(run.image(detections(LEFT, labels=labels), {1: LEFT}).matches) is matched


def test_what_is_seen_often_enough_becomes_one_new_object():
    run = Run()
    for number in range(12):
        # One image of three has no detection, and the thing moves.
        found = detections() if number % 3 == 1 else detections((number, 0, number + 40, 40))
        run.image(found, {})
    assert run.effects == [(4, Effect.NEW, 0)]


def test_single_false_detections_start_nothing():
    run = Run()
    random = np.random.default_rng(0)
    for _ in range(200):
        corner = random.uniform(0, 2000, 2)
        run.image(detections((*corner, *(corner + 30))), {})
    assert run.effects == []


def test_by_default_nothing_new_is_started_and_nothing_visible_is_touched():
    run = Run(AssociationSettings())
    for _ in range(10):
        run.image(detections(FAR, (15, 0, 55, 40)), {1: LEFT})
    assert run.effects == []


def test_no_more_objects_are_started_than_allowed():
    run = Run(replace(ALL, most_objects=2))
    for _ in range(3):
        run.image(detections(LEFT, RIGHT, FAR), {})
    assert len(run.effects) == 2
    run.effects.clear()
    for object_id in (1, 2):
        run.associator.started(object_id, run.number * PERIOD)
    for _ in range(60):
        run.image(detections(LEFT, RIGHT, FAR, (0, 100, 40, 140)), {1: LEFT, 2: RIGHT})
    assert run.effects == []


@pytest.mark.parametrize('confirmations', [1, 3])
@pytest.mark.parametrize('new_objects', [False, True])
@pytest.mark.parametrize('seen_for', [1, 3, 5, 8, 12, 14, 20])
def test_an_object_that_is_lost_again_soon_is_found_again_where_it_was(
    seen_for, new_objects, confirmations
):
    run = Run(replace(ALL, new_objects=new_objects, confirmations=confirmations))
    run.associator.look(5, RED)
    for _ in range(confirmations):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    for _ in range(seen_for):
        run.image(detections(FAR), {5: FAR}, red)
    for _ in range(40):
        run.image(detections(FAR), {5: FAR}, red, lost=[5])
    (first, *_), (second, *_) = run.effects[:2]
    assert {effect[1:] for effect in run.effects} == {(Effect.FOUND_AGAIN, 5)}
    assert first == confirmations
    assert confirmations + seen_for < second <= confirmations + seen_for + 20


def test_a_lost_object_that_is_detected_again_keeps_its_id():
    run = Run()
    run.associator.look(5, RED)
    for _ in range(5):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    assert run.effects == [(3, Effect.FOUND_AGAIN, 5)]


@pytest.mark.parametrize(
    ('colours', 'labels', 'score'),
    [(lambda _: BLUE, ['mug'], 0.9), (red, ['cup'], 0.9), (red, ['mug'], 0.6), (nothing, [''], 1)],
    ids=['other colours', 'another label', 'an unsure detector', 'unknown colours'],
)
def test_a_lost_object_is_not_prompted_on_something_else(colours, labels, score):
    run = Run(replace(ALL, new_objects=False))
    run.associator.look(5, RED)
    for _ in range(8):
        run.image(detections(FAR, labels=labels, scores=[score]), {5: LEFT}, colours, lost=[5])
    assert run.effects == []


def test_of_two_lost_objects_the_one_that_looks_alike_is_found():
    run = Run()
    run.associator.look(5, 0.8 * RED + 0.2 * BLUE)
    run.associator.look(6, RED)
    for _ in range(4):
        run.image(detections(FAR), {5: LEFT, 6: RIGHT}, red, lost=[5, 6])
    assert run.effects == [(3, Effect.FOUND_AGAIN, 6)]


def test_what_was_detected_beside_an_object_is_not_taken_for_it():
    run = Run(replace(ALL, new_objects=False))
    run.associator.look(5, RED)
    for _ in range(5):
        run.image(detections(LEFT, FAR), {5: LEFT}, red)
    for _ in range(5):
        # Missed for a moment, it is still the same bystander.
        run.image(detections(), {5: LEFT}, red, lost=[5])
    for _ in range(20):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    assert run.effects == []
    for _ in range(4):
        run.image(detections(FAR, RIGHT), {5: LEFT}, red, lost=[5])
    assert run.effects == [(33, Effect.FOUND_AGAIN, 5)]


def test_a_detection_that_only_half_looks_like_a_lost_object_is_not_that():
    run = Run(replace(ALL, new_objects=False))
    run.associator.look(5, 0.36 * RED + 0.64 * BLUE)
    assert 0.5 < similarity(RED, 0.36 * RED + 0.64 * BLUE) < ALL.similar
    for _ in range(8):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    assert run.effects == []


def test_a_lost_object_is_prompted_again_until_it_is_seen():
    run = Run()
    run.associator.look(5, RED)
    for _ in range(40):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    assert run.effects == [(number, Effect.FOUND_AGAIN, 5) for number in (3, 19, 35)]


def test_what_may_be_a_lost_object_is_not_started_as_a_new_one():
    run = Run()
    run.associator.look(5, RED)
    for _ in range(8):
        run.image(detections(FAR, scores=[0.6]), {5: LEFT}, red, lost=[5])
    assert run.effects == []
    run.image(detections(FAR, scores=[0.8]), {5: LEFT}, red, lost=[5])
    assert run.effects == [(9, Effect.FOUND_AGAIN, 5)]


def test_a_hidden_object_is_prompted_where_it_is_expected():
    run = Run()
    run.associator.look(5, RED)
    for _ in range(4):
        run.image(detections((3, 0, 43, 40)), {5: LEFT}, red, hidden=[5])
    assert run.effects == [(3, Effect.FOUND_AGAIN, 5)]


def test_a_mask_that_detections_contradict_is_corrected_once():
    run = Run()
    for _ in range(10):
        run.image(detections((0, 0, 40, 100)), {5: LEFT})
    assert run.effects == [(3, Effect.CORRECTED, 5)]


def follows_something_else(run, seen_before, mask=BLUE):
    """An object is tracked where it is not detected, and the mask there has these colours."""
    run.associator.look(5, RED)
    for _ in range(seen_before):
        run.image(detections(LEFT), {5: LEFT}, red)
    for _ in range(20):
        run.image(detections(FAR), {5: LEFT}, red)
        run.associator.look(5, mask, sure=run.number > seen_before + ALL.window)


@pytest.mark.parametrize('correct', [False, True])
def test_a_track_that_the_detector_has_left_is_prompted_where_the_object_is(correct):
    run = Run(replace(ALL, new_objects=False, correct=correct))
    follows_something_else(run, seen_before=10)
    ((number, effect, object_id),) = run.effects
    assert (effect, object_id) == (Effect.CORRECTED, 5)
    assert number >= 10 + 2 * ALL.window


def test_a_track_that_the_detector_never_saw_is_left_alone():
    run = Run(replace(ALL, new_objects=False))
    follows_something_else(run, seen_before=0)
    assert run.effects == []


def test_a_mask_with_the_colours_of_the_object_is_left_alone_unless_corrections_are_allowed():
    run = Run(replace(ALL, new_objects=False, correct=False))
    follows_something_else(run, seen_before=10, mask=RED)
    assert run.effects == []


def test_a_mask_that_detections_confirm_is_left_alone():
    run = Run()
    random = np.random.default_rng(1)
    for _ in range(200):
        run.image(detections(np.array(LEFT) + random.normal(0, 3, 4)), {5: LEFT})
    assert run.effects == []


def test_an_object_that_nobody_sees_expires_if_detections_have_started_it():
    run = Run(replace(ALL, forget_after=SECOND // 2))
    run.associator.started(5, 0)
    for _ in range(30):
        run.image(detections(), {5: LEFT, 6: RIGHT}, lost=[5, 6])
    assert run.effects == [(16, Effect.EXPIRED, 5)]


def test_a_removal_that_was_not_done_is_asked_for_again_until_the_object_is_gone():
    run = Run(replace(ALL, forget_after=SECOND // 2, most_objects=1))
    run.associator.started(5, 0)
    for _ in range(40):
        run.image(detections(), {5: LEFT}, lost=[5])
    assert run.effects == [(16, Effect.EXPIRED, 5), (32, Effect.EXPIRED, 5)]
    run.effects.clear()
    for _ in range(40):
        run.image(detections(FAR), {})
    # Only then is there room for another one.
    assert [effect for _, effect, _ in run.effects] == [Effect.NEW]


def test_changed_numbers_of_votes_count_for_what_is_detected_already():
    run = Run(replace(ALL, confirmations=4, window=5))
    for _ in range(3):
        run.image(detections((0, 0, 40, 100), FAR), {5: LEFT})
    run.associator.configure(replace(ALL, confirmations=2, window=2))
    for _ in range(2):
        run.image(detections((0, 0, 40, 100), FAR), {5: LEFT})
    assert run.effects == [(5, Effect.CORRECTED, 5), (5, Effect.NEW, 0)]
    # What has led to a prompt leads to no other one when they change again.
    run.associator.configure(ALL)
    for _ in range(5):
        run.image(detections((0, 0, 40, 100), FAR), {5: LEFT})
    assert len(run.effects) == 2


def test_changed_numbers_of_votes_count_for_what_has_led_to_a_prompt():
    run = Run(replace(ALL, new_objects=False))
    run.associator.look(5, RED)
    for _ in range(3):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    assert run.effects == [(3, Effect.FOUND_AGAIN, 5)]
    run.associator.configure(replace(ALL, new_objects=False, confirmations=5, window=30))
    for _ in range(20):
        run.image(detections(), {5: LEFT}, red, lost=[5])
    for _ in range(5):
        run.image(detections(FAR), {5: LEFT}, red, lost=[5])
    assert run.effects[1:] == [(28, Effect.FOUND_AGAIN, 5)]


def test_an_object_that_somebody_else_has_prompted_never_expires():
    run = Run(replace(ALL, forget_after=SECOND // 2, most_objects=1))
    run.associator.started(5, 0)
    assert run.associator.owns(5)
    run.associator.disown(5)
    run.associator.disown(6)
    assert not run.associator.owns(5)
    for _ in range(30):
        run.image(detections(), {5: LEFT, 6: RIGHT}, lost=[5, 6])
    assert run.effects == []
    # It does not count as one that detections have started, either.
    for _ in range(4):
        run.image(detections(FAR), {5: LEFT}, lost=[5])
    assert [effect for _, effect, _ in run.effects] == [Effect.NEW]


def test_an_object_that_either_sees_does_not_expire():
    run = Run(replace(ALL, forget_after=SECOND // 2, find_again=False))
    run.associator.started(5, 0)
    run.associator.started(6, 0)
    for _ in range(30):
        run.image(detections(RIGHT), {5: LEFT, 6: RIGHT}, hidden=[6])
    assert run.effects == []


def test_of_a_thousand_detections_the_best_are_used():
    run = Run(replace(ALL, most_detections=50))
    random = np.random.default_rng(2)
    corners = random.uniform(0, 5000, (1000, 2))
    boxes = np.concatenate((corners, corners + 20), axis=1)
    scores = random.uniform(0.5, 0.9, 1000)
    boxes[617], scores[617] = LEFT, 1.0
    for _ in range(20):
        outcome = run.image(detections(*boxes, scores=scores), {1: LEFT})
    assert outcome.matches == {1: 617}
    assert outcome.ignored == 950
    run.associator.configure(replace(ALL, most_detections=1000))
    run.image(detections(*boxes, scores=scores), {1: LEFT})
    assert len(run.associator._tentative) <= MOST


corner = st.integers(0, 100)
box = st.tuples(corner, corner, st.integers(1, 60), st.integers(1, 60)).map(
    lambda each: (each[0], each[1], each[0] + each[2], each[1] + each[3])
)
images = st.lists(
    st.tuples(
        st.lists(st.tuples(box, st.floats(0, 1), st.sampled_from(['mug', 'cup', ''])), max_size=5),
        st.dictionaries(st.integers(1, 4), box, max_size=4),
        st.sets(st.integers(1, 4)),
        st.sets(st.integers(1, 4)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(images)
def test_whatever_comes_matches_are_one_to_one_and_actions_are_possible(sequence):
    run = Run(replace(ALL, confirmations=2, window=3, minimum_score=0.2))
    for found, present, hidden, lost in sequence:
        given_detections = detections(
            *(each[0] for each in found),
            scores=[each[1] for each in found],
            labels=[each[2] for each in found],
        )
        outcome = run.image(given_detections, present, red, hidden=hidden, lost=lost)
        for object_id in present:
            run.associator.look(object_id, RED)
        assert len(set(outcome.matches.values())) == len(outcome.matches)
        assert set(outcome.matches) <= set(present) - lost
        used = len(given_detections) - outcome.ignored
        assert 0 <= outcome.unmatched <= used - len(outcome.matches)
        prompted = [each.object_id for each in outcome.actions if each.object_id]
        assert len(set(prompted)) == len(prompted)
        assert set(prompted) <= set(present)
        for action in outcome.actions:
            assert (action.object_id == 0) is (action.effect is Effect.NEW)
            assert (action.box is None) is (action.effect is Effect.EXPIRED)
