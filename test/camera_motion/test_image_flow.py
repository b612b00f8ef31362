# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The motion of the camera is found beside the objects, or not claimed."""

from itertools import pairwise

import cv2
from hypothesis import example, given
from hypothesis import strategies as st
import numpy as np
import pytest

from sam_tracker.camera_motion.image_flow import ImageFlow
from sam_tracker.core.frame import Frame

SIZE = (640, 480)
STILL = np.eye(3)


def scenery(seed, size=SIZE):
    """Make a picture with structure of several scales, larger than an image on every side."""
    random = np.random.default_rng(seed)
    width, height = size[0] + 200, size[1] + 200
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (8, 30, 90):
        coarse = random.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / 3
    return picture


def seen(picture, motion=STILL, size=SIZE):
    """Return the image of a camera after a motion given in pixels whose centres are at +0.5."""
    # OpenCV counts from the centre of the first pixel; 100 pixels beside the image are spare.
    centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    spare = np.array([[1, 0, -100], [0, 1, -100], [0, 0, 1.0]])
    matrix = np.linalg.inv(centre) @ motion @ centre @ spare
    return cv2.warpPerspective(picture, matrix, size).clip(0, 255).astype(np.uint8)


def similarity(angle=0.0, zoom=1.0, x=0.0, y=0.0, size=SIZE):
    """Roll by an angle in degrees and zoom about the middle of the image, then shift."""
    angle = np.radians(angle)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array(size) / 2
    motion = np.eye(3)
    motion[:2, :2] = turn
    motion[:2, 2] = middle - turn @ middle + (x, y)
    return motion


def error(found, motion, size=SIZE):
    """Return by how many pixels the corners of an image are off at most."""
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]], float).T
    places = [(each @ corners)[:2] / (each @ corners)[2] for each in (found, motion)]
    return np.hypot(*(places[0] - places[1])).max()


@pytest.mark.parametrize(
    'motion',
    [
        similarity(x=25, y=-14),
        similarity(angle=3),
        similarity(zoom=1.04, x=-6),
        similarity(angle=-2, zoom=0.97, x=12, y=9),
        STILL,
    ],
)
def test_shift_roll_and_zoom_are_found_to_a_part_of_a_pixel(motion):
    picture = scenery(1)
    found = ImageFlow().between(Frame(seen(picture), 0), Frame(seen(picture, motion), 1), [])
    assert error(found, motion) < 1


@pytest.mark.parametrize('size', [(321, 243), (1283, 717), (200, 150)])
def test_images_of_any_size_are_measured_in_their_own_pixels(size):
    picture, motion = scenery(2, size), similarity(angle=1, x=7, y=-4, size=size)
    before, after = (Frame(seen(picture, each, size), n) for n, each in enumerate((STILL, motion)))
    assert error(ImageFlow().between(before, after, []), motion, size) < 1.5


def test_a_stream_is_measured_from_image_to_image():
    picture, flow, total = scenery(3), ImageFlow(), np.eye(3)
    frames = [Frame(seen(picture, similarity(x=6 * n, y=2 * n)), n) for n in range(8)]
    for previous, frame in pairwise(frames):
        total = flow.between(previous, frame, []) @ total
    assert error(total, similarity(x=42, y=14)) < 2


def test_the_motion_is_that_since_the_frame_named_and_not_the_last_one_seen():
    picture, flow = scenery(4), ImageFlow()
    frames = [Frame(seen(picture, similarity(x=8 * n)), n) for n in range(3)]
    flow.between(frames[0], frames[1], [])
    assert error(flow.between(frames[0], frames[2], []), similarity(x=16)) < 1


def test_a_large_object_that_moves_by_itself_is_not_the_camera():
    picture, thing, pan = scenery(5), scenery(6), similarity(x=10)
    before, after = seen(picture), seen(picture, pan)
    moved = seen(thing, similarity(x=-14, y=8))
    box = np.array([120.0, 40, 560, 440])
    before[40:440, 120:560] = seen(thing)[40:440, 120:560]
    after[40:440, 130:570] = moved[40:440, 130:570]
    found = ImageFlow().between(Frame(before, 0), Frame(after, 1), [box])
    assert error(found, pan) < 1


def test_nothing_is_claimed_without_structure():
    grey = np.full((480, 640, 3), 120, np.uint8)
    assert ImageFlow().between(Frame(grey, 0), Frame(grey, 1), []) is None


def test_nothing_is_claimed_across_a_cut():
    before, after = Frame(seen(scenery(7)), 0), Frame(seen(scenery(8)), 1)
    assert ImageFlow().between(before, after, []) is None


def test_nothing_is_claimed_of_what_only_a_corner_of_the_image_shows():
    picture = scenery(9)
    before, after = (np.full((480, 640, 3), 90, np.uint8) for _ in range(2))
    random = np.random.default_rng(0)
    for image, motion in ((before, STILL), (after, similarity(x=9))):
        image[:] = random.integers(0, 255, image.shape)
        image[:150, :190] = seen(picture, motion)[:150, :190]
    assert ImageFlow().between(Frame(before, 0), Frame(after, 1), []) is None


def test_images_of_different_sizes_have_no_motion():
    picture = scenery(10)
    before, after = Frame(seen(picture), 0), Frame(seen(picture, size=(600, 480)), 1)
    assert ImageFlow().between(before, after, []) is None


@given(width=st.integers(1, 90), height=st.integers(1, 90), seed=st.integers(0, 9))
@example(width=3000, height=1, seed=0)
@example(width=2, height=3000, seed=0)
def test_the_smallest_images_are_no_error(width, height, seed):
    random = np.random.default_rng(seed)
    frames = [Frame(random.integers(0, 255, (height, width, 3), np.uint8), n) for n in range(2)]
    box = random.uniform(-20, 120, 4)
    box[2:] += box[:2]
    found = ImageFlow().between(*frames, [box])
    assert found is None or np.linalg.det(found) > 0
