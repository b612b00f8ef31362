# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Validity of detections, shares of masks in boxes, colours, and the last images."""

import numpy as np
import pytest

from sam_tracker.association import appearance
from sam_tracker.association.detections import checked
from sam_tracker.association.history import MOST_IMAGES, TrackHistory
from sam_tracker.association.tracked_objects import mask_share_table, mask_shares
from sam_tracker.core.boxes import Region

from .conftest import objects


def test_invalid_detections_are_named_and_the_others_kept():
    boxes = np.array(
        [
            *([0, 0, 9, 9], [5, 0, 5, 9], [0, np.nan, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]),
            *([1, 1, 2, 2], [-1e160, 0, 1e160, 9]),
        ]
    )
    scores = np.array([0.5, 0.5, 0.5, 1.5, np.nan, 1.0, 1.0])
    kept, wrong = checked(boxes, scores, ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    assert kept.labels == ('a', 'f')
    assert kept.boxes.tolist() == [[0, 0, 9, 9], [1, 1, 2, 2]]
    assert wrong == [
        'detection 1: the box [5.0, 0.0, 5.0, 9.0] is empty or not finite',
        'detection 2: the box [0.0, nan, 9.0, 9.0] is empty or not finite',
        'detection 3: the score 1.5 is not from 0 to 1',
        'detection 4: the score nan is not from 0 to 1',
        'detection 6: the box [-1e+160, 0.0, 1e+160, 9.0] is beyond 1e+06 pixels',
    ]
    _, (long,) = checked(boxes[:1], scores[:1], ['x' * 300])
    assert 'the label has 300 bytes' in long


@pytest.mark.parametrize('size', [(5, 3), (16, 16), (200, 90)])
def test_the_share_of_a_mask_in_a_box_is_that_of_its_pixels(size):
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    crop = np.where(columns * height < rows * width + width, 255, 0).astype(np.uint8)
    scene = objects(0, {1: (10, 20, 10 + width, 20 + height)})
    scene.masks[0] = mask_share_table(Region(10, 20, width, height), crop)
    boxes = np.array([[0, 0, 10 + width / 2, 400], [10, 20 + height / 3, 400, 400], [300] * 4])
    pixels = (crop > 0) / (crop > 0).sum()
    expected = [
        (pixels * np.clip(width / 2 - columns, 0, 1)).sum(),
        (pixels * np.clip(rows + 1 - height / 3, 0, 1)).sum(),
        0.0,
    ]
    # To the half of a cell of the grid along the edge of the box.
    rows = np.zeros(3, np.intp)
    assert mask_shares(scene, rows, boxes) == pytest.approx(expected, abs=0.05)


def test_colours_of_a_mask_and_of_the_box_around_it_are_alike_and_others_are_not():
    image = np.zeros((100, 100, 3), np.uint8)
    image[20:60, 30:70] = 200, 30, 30
    image[:, 80:] = 30, 30, 200
    crop = np.full((40, 40), 255, np.uint8)
    red = appearance.of_mask(image, Region(30, 20, 40, 40), crop)
    assert red.sum() == pytest.approx(1)
    same = appearance.of_box(image, np.array([28.0, 18.0, 72.0, 62.0]))
    assert appearance.similarity(red, same) > 0.9
    blue = appearance.of_box(image, np.array([80.0, 0.0, 100.0, 50.0]))
    assert appearance.similarity(red, blue) == 0
    assert appearance.of_box(image, np.array([200.0, 0.0, 220.0, 50.0])) is None
    assert appearance.of_mask(image, Region(0, 0, 5, 5), np.zeros((5, 5), np.uint8)) is None


def test_a_history_finds_the_nearest_image_and_forgets_old_ones():
    history = TrackHistory(span=100)
    assert history.nearest(5) is None
    assert history.newest_stamp is None
    for stamp in range(0, 300, 10):
        history.add(objects(stamp, {}))
    assert history.newest_stamp == 290
    assert [history.nearest(each).stamp for each in (0, 246, 244, 1000)] == [190, 250, 240, 290]
    # Published again with other objects: the newest counts.
    history.add(objects(290, {3: (0, 0, 9, 9)}))
    assert history.nearest(290).ids == (3,)
    history.add(objects(200, {}))
    assert history.newest_stamp == 200
    history.span = 20
    history.add(objects(230, {}))
    assert history.nearest(0).stamp == 230


def test_a_history_is_bounded_however_fast_images_come():
    history = TrackHistory(span=10**12)
    for stamp in range(MOST_IMAGES + 10):
        history.add(objects(stamp, {}))
    assert history.nearest(0).stamp == 10
