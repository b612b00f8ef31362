# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Places over time: velocity, occlusion, the ground, and another frame of the output."""

import math

import numpy as np
import pytest

from sam_tracker.core.boxes import Region
from sam_tracker.core.time import SECOND
from sam_tracker.localization.camera import Camera
from sam_tracker.localization.depth_image import DepthImage
from sam_tracker.localization.ground import Ground
from sam_tracker.localization.localizer import Localizer, LocalizerSettings, SeenObject, View
from sam_tracker.localization.place import Method
from sam_tracker.localization.rigid_transform import RigidTransform
from sam_tracker.video.boxes_in_space import Viewpoint, render

from .conftest import (
    BODIES,
    ROOM,
    VIEW,
    Shot,
    camera_of,
    noisy,
    seen_object,
    shot,
    view_of,
)


def lost(object_id: int) -> SeenObject:
    return SeenObject(object_id, expected=False)


def occluded(object_id: int) -> SeenObject:
    return SeenObject(object_id, expected=True)


def to_world(view: Viewpoint) -> RigidTransform:
    return RigidTransform(view.rotation, view.position)


def test_the_velocity_of_straight_motion_is_within_a_tenth_of_the_truth():
    localizer, rng = Localizer(), np.random.default_rng(3)
    for number in range(20):
        picture = shot(number / 10)
        view = view_of(picture, noisy(picture.rendered.depth, rng), to_output=to_world(VIEW))
        places = localizer.places(view, [picture.seen(1), picture.seen(2)])
        if number >= 10:
            for place, body in zip(places, BODIES, strict=True):
                truth = np.array(body.velocity)
                assert np.linalg.norm(place.velocity - truth) < 0.1 * np.linalg.norm(truth)
                assert (np.linalg.eigvalsh(place.velocity_covariance) > 0).all()


def test_the_velocity_of_a_slow_object_is_smooth_and_changes_when_it_stops_or_starts():
    rng, seen = np.random.default_rng(5), seen_object(1, np.ones((120, 160), np.uint8))
    camera = Camera.of((160, 120), [131, 0, 80, 0, 131, 60, 0, 0, 1], '', [])
    localizer, distance, velocities = Localizer(), 2.0, []
    for number, speed in enumerate(np.repeat([0.12, 0.0, 0.5], 40)):
        distance += speed / 10
        # The error is that of the whole image: it does not become smaller with more pixels.
        depth = np.full((120, 160), distance + rng.normal(0, 0.003), np.float32)
        view = View(number * SECOND // 10, camera, DepthImage(depth, 1.0))
        (place,) = localizer.places(view, [seen])
        velocities.append(place.velocity[2])
    slow, still, fast = np.reshape(velocities, (3, 40))
    assert np.median(np.abs(slow[20:] - 0.12)) < 0.012
    assert np.abs(still[20:]).max() < 0.03
    assert np.abs(fast[10:] - 0.5).max() < 0.1


def test_a_thing_that_hides_one_corner_of_an_object_does_not_change_its_velocity():
    camera = Camera.of((320, 240), [260, 0, 160, 0, 260, 120, 0, 0, 1], '', [])
    rng, localizer, velocities = np.random.default_rng(6), Localizer(), []
    for number in range(60):
        mask = np.ones((80, 80), np.uint8)
        # The centre of what is visible moves by a quarter slower than the object.
        hidden = np.clip(number - 15, 0, 45)
        mask[80 - hidden :, 80 - hidden :] = 0
        depth = DepthImage(rng.normal(2.0, 0.01, (240, 320)).astype(np.float32), 1.0)
        seen = SeenObject(1, True, Region(100 + number, 80, 80, 80), mask)
        (place,) = localizer.places(View(number * SECOND // 10, camera, depth), [seen])
        velocities.append(place.velocity)
    truth = np.array([2 / 260 * 10, 0.0, 0.0])
    errors = np.linalg.norm(np.array(velocities[30:]) - truth, axis=1)
    assert np.median(errors) < 0.1 * truth[0]


def test_an_object_that_is_hidden_from_one_side_does_not_seem_to_move_to_the_other():
    camera = Camera.of((320, 240), [260, 0, 160, 0, 260, 120, 0, 0, 1], '', [])
    depth = DepthImage(np.full((240, 320), 2.0, np.float32), 1.0)
    localizer, speeds = Localizer(), []
    for number in range(60):
        # Half of it disappears within a second: its visible centre moves with 15 cm/s.
        hidden = np.clip(4 * (number - 30), 0, 40)
        region = Region(100 + hidden, 80, 80 - hidden, 80)
        seen = SeenObject(1, True, region, np.ones((region.height, region.width), np.uint8))
        (place,) = localizer.places(View(number * SECOND // 10, camera, depth), [seen])
        speeds.append(np.linalg.norm(place.velocity))
    assert max(speeds) < 0.03


@pytest.mark.parametrize('first_width', [20, 160])
@pytest.mark.parametrize('speed', [-3, 3])
def test_an_object_whose_first_masks_were_wrong_is_followed_when_it_moves(first_width, speed):
    camera = Camera.of((320, 240), [260, 0, 160, 0, 260, 120, 0, 0, 1], '', [])
    depth = DepthImage(np.full((240, 320), 2.0, np.float32), 1.0)
    localizer, places = Localizer(), []
    for number in range(75):
        left = 120 + speed * max(0, number - 40)
        width = first_width if number < 5 else 80
        seen = SeenObject(1, True, Region(left, 80, width, 80), np.ones((80, width), np.uint8))
        if number >= 70:
            seen = occluded(1)
        places += localizer.places(View(number * SECOND // 10, camera, depth), [seen])
    velocity = speed / 260 * 2 * 10
    assert abs(places[69].velocity[0] - velocity) < 0.1 * abs(velocity)
    assert places[-1].method is Method.PREDICTED
    moved = places[-1].position - places[69].position
    assert np.linalg.norm(moved - [velocity / 2, 0, 0]) < 0.03


def test_a_mask_that_passes_to_a_larger_thing_beside_does_not_make_it_move():
    camera = Camera.of((640, 480), [520, 0, 320, 0, 520, 240, 0, 0, 1], '', [])
    depth = DepthImage(np.full((480, 640), 2.0, np.float32), 1.0)
    localizer, speeds = Localizer(), []
    for number in range(60):
        region = Region(100, 200, 30, 30) if number < 20 else Region(300, 140, 160, 160)
        seen = SeenObject(1, True, region, np.ones((region.height, region.width), np.uint8))
        (place,) = localizer.places(View(number * SECOND // 10, camera, depth), [seen])
        speeds.append(np.linalg.norm(place.velocity))
    assert max(speeds) < 0.01


def test_a_moving_camera_does_not_move_objects_in_the_frame_of_the_world():
    localizer = Localizer()
    first = None
    for number in range(10):
        view = Viewpoint.looking((640, 480), 525.0, (0.05 * number, 0.0, 1.0), 0.02 * number, 0.2)
        picture = Shot(0.0, view, render(view, ROOM, BODIES))
        (place,) = localizer.places(view_of(picture, to_output=to_world(view)), [picture.seen(1)])
        # The visible part of the surface changes a little.
        first = place.position if first is None else first
        assert np.linalg.norm(place.position - first) < 0.05
        assert np.linalg.norm(place.velocity) < 0.1
    assert abs(place.position[0] - BODIES[0].position[0]) < 0.25


def test_steps_of_any_length_give_the_same_velocity():
    regular, irregular = Localizer(), Localizer()
    for number in range(21):
        picture = shot(number / 10)
        places = {'regular': regular.places(view_of(picture), [picture.seen(1)])[0]}
        if number % 3 != 1:
            places['irregular'] = irregular.places(view_of(picture), [picture.seen(1)])[0]
    assert np.linalg.norm(places['regular'].velocity - places['irregular'].velocity) < 0.02


def test_an_object_behind_another_is_predicted_for_a_while_and_then_unknown():
    localizer = Localizer(LocalizerSettings(predict_for=0.5))
    for number in range(15):
        picture = shot(number / 10)
        (before,) = localizer.places(view_of(picture), [picture.seen(1)])
    for number in range(15, 20):
        picture = shot(number / 10)
        (place,) = localizer.places(view_of(picture), [occluded(1)])
        assert place.method is Method.PREDICTED
        assert place.direction is None and place.measurement is None
    assert np.linalg.norm(place.position - picture.centre(1)) < 0.05
    assert np.trace(place.covariance) > np.trace(before.covariance)
    (place,) = localizer.places(view_of(shot(2.0)), [occluded(1)])
    assert place.method is Method.NONE and place.position is None


def test_a_lost_object_has_no_place_and_starts_anew_when_it_is_found():
    localizer = Localizer()
    for number in range(10):
        picture = shot(number / 10)
        localizer.places(view_of(picture), [picture.seen(1)])
    (place,) = localizer.places(view_of(shot(1.0)), [lost(1)])
    assert place.method is Method.NONE and place.velocity is None
    picture = shot(1.1)
    (place,) = localizer.places(view_of(picture), [picture.seen(1)])
    np.testing.assert_array_equal(place.velocity, np.zeros(3))


def test_a_jump_restarts_the_filter_instead_of_making_a_velocity():
    localizer = Localizer()
    for number in range(10):
        picture = shot(0.0)
        view = view_of(picture)
        localizer.places(View(number * 100_000_000, view.camera, view.depth), [picture.seen(1)])
    other = picture.seen(2)
    elsewhere = SeenObject(1, True, other.region, other.mask)
    (place,) = localizer.places(View(10**9, view.camera, view.depth), [elsewhere])
    np.testing.assert_array_equal(place.velocity, np.zeros(3))
    np.testing.assert_allclose(place.position, picture.centre(2), rtol=0.01, atol=0.01)


def test_a_clock_that_goes_back_forgets_all_motion():
    localizer = Localizer()
    for number in range(10, 20):
        picture = shot(number / 10)
        localizer.places(view_of(picture), [picture.seen(1)])
    picture = shot(0.0)
    (place,) = localizer.places(view_of(picture), [picture.seen(1)])
    np.testing.assert_array_equal(place.velocity, np.zeros(3))


def test_objects_that_are_not_named_any_more_are_forgotten():
    localizer = Localizer()
    picture = shot(0.0)
    localizer.places(view_of(picture), [picture.seen(1)])
    localizer.places(view_of(shot(0.1)), [])
    (place,) = localizer.places(view_of(shot(0.2)), [occluded(1)])
    assert place.method is Method.NONE


@pytest.mark.parametrize('source', ['mounting', 'frame'])
def test_the_ground_gives_the_distance_without_depth_and_says_so(source):
    picture = shot(0.0)
    pitch = math.degrees(math.asin(-VIEW.rotation[2, 2]))
    mounting = Ground.below(float(VIEW.position[2]), pitch, 0.0)
    ground = mounting if source == 'mounting' else to_world(VIEW).ground(0.0)
    np.testing.assert_allclose(ground.up, mounting.up, atol=1e-12)
    view = View(0, camera_of(VIEW), ground=ground)
    for body_id in (1, 2):
        (place,) = Localizer().places(view, [picture.seen(body_id)])
        truth = picture.centre(body_id)
        assert place.method is Method.GROUND
        assert place.measurement.box is None
        error = place.position - truth
        assert np.linalg.norm(error) < 0.06 * np.linalg.norm(truth)
        assert error @ np.linalg.solve(place.covariance, error) < 50


def test_the_roll_of_a_camera_turns_the_ground():
    ground = Ground.below(1.0, 0.0, 90.0)
    np.testing.assert_allclose(ground.up, [-1.0, 0.0, 0.0], atol=1e-12)


def test_an_object_cut_off_by_the_image_or_above_the_horizon_has_no_distance_by_the_ground():
    picture = shot(0.0)
    ground = Ground.below(1.0, 11.459, 0.0)
    tall, high = np.zeros((2, 480, 640), np.uint8)
    tall[200:, 200:300] = 255
    high[0:80, 200:300] = 255
    view = View(0, camera_of(picture.view), ground=ground)
    for mask in (tall, high):
        (place,) = Localizer().places(view, [seen_object(1, mask)])
        assert place.method is Method.NONE and place.direction is not None


@pytest.mark.parametrize('size', [0, 5])
def test_an_empty_mask_is_an_object_that_is_not_visible(size):
    picture = shot(0.0)
    seen = SeenObject(1, True, Region(3, 4, size, size), np.zeros((size, size), np.uint8))
    (place,) = Localizer().places(view_of(picture), [seen])
    assert place.method is Method.NONE and place.direction is None


def test_depth_takes_precedence_over_the_ground():
    picture = shot(0.0)
    view = view_of(picture, ground=Ground.below(5.0, 11.459, 0.0))
    (place,) = Localizer().places(view, [picture.seen(1)])
    assert place.method is Method.DEPTH
