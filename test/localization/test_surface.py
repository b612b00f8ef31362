# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The place of an object by its mask and depth, against exact truth; each fault has its bound."""

import cv2
import numpy as np
import pytest

from sam_tracker.localization.localizer import Localizer
from sam_tracker.localization.place import Method
from sam_tracker.localization.surface import depth_range

from .conftest import (
    BODIES,
    bleeding,
    noisy,
    seen_object,
    shot,
    view_of,
    with_holes,
)

TIMES = (0.0, 0.4, 0.8, 1.2, 1.6, 2.0)


def relative_errors(spoil, moved: int = 0) -> np.ndarray:
    """Return position errors as shares of the distance, of all objects at all times."""
    rng = np.random.default_rng(1)
    errors = []
    for seconds in TIMES:
        picture = shot(seconds)
        for body_id in (1, 2):
            depth = spoil(picture.rendered.depth, rng)
            seen = picture.seen(body_id, moved)
            (place,) = Localizer().places(view_of(picture, depth), [seen])
            truth = picture.centre(body_id)
            assert place.method is Method.DEPTH
            errors.append(np.linalg.norm(place.position - truth) / np.linalg.norm(truth))
    return np.array(errors)


def test_a_true_mask_and_true_depth_give_the_centre_of_the_visible_surface():
    assert relative_errors(lambda depth, rng: depth).max() < 0.005


def test_depth_in_whole_millimetres_is_enough():
    errors = relative_errors(lambda depth, rng: np.rint(1000 * depth).astype(np.uint16))
    assert errors.max() < 0.005


def test_noise_that_grows_with_the_square_of_the_distance_is_averaged():
    errors = relative_errors(noisy)
    assert np.median(errors) < 0.005
    assert errors.max() < 0.01


def test_holes_in_the_depth_do_not_move_an_object():
    errors = relative_errors(with_holes)
    assert np.median(errors) < 0.005
    assert errors.max() < 0.01


@pytest.mark.parametrize('missing', [np.nan, np.inf, 0.0, -1.0])
def test_depth_that_is_missing_on_one_half_of_an_object_does_not_move_it(missing):
    def left_half_missing(depth, _):
        spoilt = depth.copy()
        middle = int(np.nonzero(picture.rendered.ids == 1)[1].mean())
        spoilt[:, :middle] = missing
        return spoilt

    picture = shot(0.0)
    depth = left_half_missing(picture.rendered.depth, None)
    (place,) = Localizer().places(view_of(picture, depth), [picture.seen(1)])
    truth = picture.centre(1)
    assert np.linalg.norm(place.position - truth) / np.linalg.norm(truth) < 0.01
    assert place.measurement.depth_share == pytest.approx(0.5, abs=0.1)


def test_edges_that_bleed_into_the_background_do_not_count():
    errors = relative_errors(lambda depth, rng: bleeding(depth))
    assert np.median(errors) < 0.005
    assert errors.max() < 0.01


def test_a_mask_that_covers_some_background_gives_the_depth_of_the_object():
    picture = shot(0.0)
    wide = cv2.dilate((picture.rendered.ids == 1).astype(np.uint8), np.ones((9, 9), np.uint8))
    (place,) = Localizer().places(view_of(picture), [seen_object(1, wide)])
    truth = picture.centre(1)
    assert place.position[2] == pytest.approx(truth[2], rel=0.01)
    assert np.linalg.norm(place.position - truth) / np.linalg.norm(truth) < 0.02


def test_depth_that_is_30_ms_late_costs_less_than_the_object_moves_meanwhile():
    for body_id, body in enumerate(BODIES, 1):
        picture, later = shot(1.0), shot(1.03)
        view = view_of(picture, later.rendered.depth)
        (place,) = Localizer().places(view, [picture.seen(body_id)])
        moved = 0.03 * np.linalg.norm(body.velocity)
        error = place.position - picture.centre(body_id)
        assert np.linalg.norm(error) < moved + 0.005 * np.linalg.norm(place.position)


def test_the_box_is_that_of_the_visible_surface():
    picture = shot(0.0)
    (place,) = Localizer().places(view_of(picture), [picture.seen(1)])
    centre, size = place.measurement.box
    rows, columns = np.nonzero(picture.rendered.ids == 1)
    pixels = np.column_stack((columns, rows, np.ones(len(rows))))
    rays = pixels @ np.linalg.inv(picture.view.matrix).T
    points = rays * picture.rendered.depth[rows, columns, None]
    truth = np.ptp(points, axis=0)
    np.testing.assert_allclose(size[:2], truth[:2], atol=0.02)
    np.testing.assert_allclose(centre, (points.min(0) + points.max(0)) / 2, atol=0.04)
    # A narrow face along the ray is border only, and left out.
    assert 0.5 * truth[2] < size[2] < truth[2] + 0.02


def test_the_covariance_is_larger_along_the_ray_and_grows_with_the_distance():
    picture = shot(0.0)
    view = view_of(picture, noisy(picture.rendered.depth, np.random.default_rng(2)))
    places = Localizer().places(view, [picture.seen(1), picture.seen(2)])
    along, across = [], []
    for place in places:
        values, vectors = np.linalg.eigh(place.covariance)
        ray = place.position / np.linalg.norm(place.position)
        assert abs(vectors[:, -1] @ ray) > 0.99
        along.append(values[-1])
        across.append(values[0])
    assert along[1] > along[0] and across[1] > across[0]
    assert (np.array(across) > 0).all()


@pytest.mark.parametrize('value', [0.0, np.nan, 0.01, 100.0])
def test_without_believable_depth_only_the_direction_is_known(value):
    picture = shot(0.0)
    depth = np.full_like(picture.rendered.depth, value)
    (place,) = Localizer().places(view_of(picture, depth), [picture.seen(1)])
    assert place.method is Method.NONE
    assert place.position is None and place.measurement is None
    truth = picture.centre(1)
    assert place.direction @ truth / np.linalg.norm(truth) > 0.999


def test_the_largest_group_of_depth_is_the_object_wherever_it_lies():
    near, far = np.linspace(1.0, 1.1, 40), np.linspace(3.0, 3.2, 100)
    low, high = depth_range(np.concatenate((near, far)), extent=0.1)
    assert 2.5 < low <= 3.0 and 3.2 <= high < 3.7
    low, high = depth_range(np.concatenate((near, far[:20])), extent=0.1)
    assert 0.8 < low <= 1.0 and 1.1 <= high < 1.3


def test_an_object_of_one_pixel_in_height_is_placed():
    picture = shot(0.0)
    mask = np.zeros_like(picture.rendered.ids)
    row = int(np.nonzero(picture.rendered.ids == 1)[0].mean())
    mask[row] = picture.rendered.ids[row] == 1
    (place,) = Localizer().places(view_of(picture), [seen_object(1, mask)])
    assert place.method is Method.DEPTH
    assert np.isfinite(place.position).all() and np.isfinite(place.covariance).all()
