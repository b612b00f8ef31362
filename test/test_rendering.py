# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What is drawn over an image, judged by its pixels."""

import itertools

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.contact_sheet import contact_sheet
from sam_tracker.rendering import (
    PALETTE_RGB,
    DrawnTrack,
    draw_box,
    draw_masks,
    draw_points,
    draw_tracks,
    object_colour,
)

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
COLOUR_BLINDNESS = {
    'none': np.eye(3),
    'protanopia': np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    'deuteranopia': np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    'tritanopia': np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def grey(height=240, width=320) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def disc(diameter=60, hole=0) -> np.ndarray:
    mask = np.zeros((diameter, diameter), np.uint8)
    cv2.circle(mask, (diameter // 2, diameter // 2), diameter // 2 - 1, 255, -1)
    if hole:
        cv2.circle(mask, (diameter // 2, diameter // 2), hole, 0, -1)
    return mask


def changed(image: np.ndarray) -> np.ndarray:
    return (image != grey(*image.shape[:2])).any(axis=2)


@pytest.mark.parametrize('kind', COLOUR_BLINDNESS)
def test_the_first_seven_colours_stay_apart_for_colour_blind_eyes(kind):
    linear = (np.array(PALETTE_RGB) / 255.0) ** 2.2 @ COLOUR_BLINDNESS[kind].T
    seen = np.clip(linear, 0, 1).astype(np.float32)[None]
    lab = cv2.cvtColor(seen, cv2.COLOR_LRGB2Lab)[0]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2))
    assert nearest > 8  # a difference of 2.3 is just noticeable


def test_colours_belong_to_ids_and_differ_for_the_first_twentyone():
    assert object_colour(3) == object_colour(3)
    assert len({object_colour(object_id) for object_id in range(1, 22)}) == 21
    assert all(0 <= c <= 255 for c in object_colour(65535))


def test_a_mask_is_tinted_where_it_is_and_its_hole_is_not():
    image = grey()
    mask = disc(hole=12)
    draw_tracks(image, [DrawnTrack(1, mask=mask, mask_origin=(100, 80), box=(100, 80, 160, 140))])
    inside = image[110, 112]  # in the ring
    blue, _, red = object_colour(1)
    assert inside[2] > 128 > inside[0] and red > blue
    assert not changed(image)[110, 130]  # in the hole


def test_the_caller_gets_the_drawing_in_his_own_array_and_nothing_far_away_is_touched():
    image = grey()
    draw_tracks(image, [DrawnTrack(1, box=(100, 80, 160, 140))])
    rows, columns = np.nonzero(changed(image))
    assert 55 < rows.min() < 81 and rows.max() < 144
    assert columns.min() > 97 and columns.max() < 240


def test_only_what_lies_inside_the_image_is_drawn_of_a_mask_that_leaves_it():
    for x, y in [(-30, -30), (300, 220), (400, 0), (0, -200)]:
        image = grey()
        draw_tracks(image, [DrawnTrack(1, state='lost', mask=disc(), mask_origin=(x, y))])
        inside = changed(image)[:200].any()
        assert inside == ((x, y) == (-30, -30))


def test_a_box_covers_the_pixels_of_its_half_open_borders():
    image = grey()
    draw_tracks(image, [DrawnTrack(2, box=(100, 150, 200, 220))])
    assert tuple(image[185, 100]) == object_colour(2)
    assert tuple(image[185, 199]) == object_colour(2)
    assert tuple(image[219, 150]) == object_colour(2)
    assert not changed(image)[185, 205]


def test_the_predicted_box_is_dashed():
    image = grey()
    draw_tracks(image, [DrawnTrack(2, predicted_box=(100, 150, 200, 220), state='occluded')])
    line = (image[219, 100:200] == object_colour(2)).all(axis=1)
    assert 0.3 < line.mean() < 0.8


def test_a_lost_object_is_written_in_the_corner_and_its_prediction_is_not_drawn():
    image = grey()
    lost = DrawnTrack(2, predicted_box=(100, 50, 200, 120), state='lost', seconds_since_seen=9.0)
    draw_tracks(image, [lost])
    assert not changed(image)[:200].any()
    assert changed(image)[215:, :100].any()


@given(
    box=st.tuples(*[st.floats(-1e12, 1e12)] * 4),
    object_id=st.integers(1, 65535),
    state=st.sampled_from(['tracked', 'occluded', 'lost', 'unknown']),
    size=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    label=st.text(max_size=40),
)
def test_no_track_is_too_odd_to_be_drawn(box, object_id, state, size, label):
    image = np.zeros((*size, 3), np.uint8)
    track = DrawnTrack(object_id, label, state, 0.5, box, box, disc(), (-20, 5), duplicate_of=3)
    draw_tracks(image, [track])


def test_a_contact_sheet_holds_every_frame_at_its_place():
    frames = [np.full((90, 160, 3), shade, np.uint8) for shade in (50, 100, 150, 200, 250)]
    sheet = contact_sheet(frames, [f'frame {i}' for i in range(5)], columns=3, tile_width=160)
    height, width = sheet.shape[:2]
    assert width == 3 * 160 + 4 * 6
    for index, frame in enumerate(frames):
        x = 6 + (index % 3) * 166 + 80
        y = 51 if index < 3 else (height - 6) // 2 + 51
        assert sheet[y, x, 0] == frame[0, 0, 0]


def test_a_contact_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match='0 frames'):
        contact_sheet([], [])
    with pytest.raises(ValueError, match='not 0 and 480'):
        contact_sheet([grey()], ['one'], columns=0)


def test_a_small_mask_lies_over_a_large_one_whatever_their_order():
    pictures = []
    for order in (1, -1):
        image = grey()
        parts = [(disc(200), (20, 20)), (disc(60), (90, 90))]
        draw_masks(image, parts[::order], numbered=False)
        pictures.append(image)
        inner, outer = (object_colour(number) for number in ((2, 1)[::order]))
        for place, colour in (((120, 120), inner), ((120, 40), outer)):
            tinted = [0.6 * 128 + 0.4 * channel for channel in colour]
            assert image[place] == pytest.approx(tinted, abs=1.5)
    assert (pictures[0] != pictures[1]).any()


def test_masks_are_numbered_on_themselves():
    image, unnumbered = grey(), grey()
    ring = disc(150, hole=45)
    draw_masks(image, [(ring, (50, 40))])
    draw_masks(unnumbered, [(ring, (50, 40))], numbered=False)
    rows, columns = np.nonzero((image != unnumbered).any(axis=2))
    assert len(rows)
    middle = int(rows.mean()) - 40, int(columns.mean()) - 50
    assert ring[middle], 'the number is in the hole'


def test_an_empty_mask_and_one_outside_the_image_draw_nothing():
    image = grey()
    draw_masks(image, [(np.zeros((0, 0), np.uint8), (0, 0))])
    draw_masks(image, [(np.zeros((5, 5), np.uint8), (3, 3))])
    for origin in ((-80, 5), (5, -80), (400, 5), (5, 300)):
        draw_masks(image, [(disc(60), origin)])
    assert (image == grey()).all()


def test_points_on_the_object_are_filled_and_points_beside_it_are_rings():
    image = grey()
    draw_points(image, [(50.5, 60.5)], positive=True)
    draw_points(image, [(150.5, 60.5)], positive=False)
    assert image[60, 50].tolist() == [255] * 3
    assert image[60, 150].tolist() == [0] * 3
    assert (image[55:66, 145:156] == 255).any()


def test_the_number_of_a_mask_that_is_hidden_altogether_is_not_written():
    image, alone = grey(), grey()
    draw_masks(image, [(disc(100), (50, 50)), (disc(100), (50, 50))])
    draw_masks(alone, [(np.zeros((1, 1), np.uint8), (0, 0)), (disc(100), (50, 50))])
    middle = np.s_[85:115, 80:120]
    assert np.array_equal(image[middle], alone[middle])


def test_a_box_alone_can_be_drawn():
    image = grey()
    draw_box(image, (20, 30, 101, 91), (1, 2, 3))
    assert image[30, 60].tolist() == [1, 2, 3] and image[90, 60].tolist() == [1, 2, 3]
